/** A real redis-server on a port of its own, with a folder of its own. It can be killed and started again with its data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** As a crash does it: what it had not answered is lost, what it had answered is not. */
  kill(): Promise<void>;
  /** On the same port, with what it had. */
  start(): Promise<void>;
  /** Does not answer any more, and keeps its connections. */
  pause(): void;
  resume(): void;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** As on its command line, such as `--maxmemory 10mb`. */
  readonly settings?: readonly string[];
  readonly password?: string;
  /** Just picks its port: `start` starts it. */
  readonly stopped?: true;
}

const startTimeoutMs = 120_000;

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-redis-'));
  const port = await freePort();
  const password = options.password === undefined ? [] : ['--requirepass', options.password];
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
  let child: ChildProcess | undefined;
  const killNow = () => child?.kill('SIGKILL');
  process.once('exit', killNow);

  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGKILL');
    await exited;
  };
  const start = async (): Promise<void> => {
    child = spawn('redis-server', [...settings, ...durable, ...password, ...(options.settings ?? [])], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await isReady(child);
  };
  const stop = async (): Promise<void> => {
    process.removeListener('exit', killNow);
    await kill();
    await rm(folder, { recursive: true, force: true });
  };

  if (options.stopped === undefined) await start();
  const user = options.password === undefined ? '' : `:${options.password}@`;
  return {
    port,
    url: `redis://${user}127.0.0.1:${port}`,
    kill,
    start,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function isReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const late = setTimeout(() => reject(new Error(`redis-server did not start: ${log}`)), startTimeoutMs);
    child.once('error', (cause) => reject(new Error('redis-server is not installed', { cause })));
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${log}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      if (log.length < 65_536) log += chunk;
      if (!log.includes('Ready to accept connections')) return;
      clearTimeout(late);
      resolve();
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
