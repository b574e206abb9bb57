/** A real nats-server on a port of its own, with a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface NatsServerOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number;
  /** @default false */
  readonly jetstream?: boolean;
  /** In the server's own configuration language. */
  readonly config?: string;
}

/** What a slow machine may take until the port is open. */
const startTimeoutMs = 120_000;

export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-nats-'));
  const config = join(folder, 'nats.conf');
  const jetstream = options.jetstream
    ? `jetstream { store_dir: ${JSON.stringify(join(folder, 'jetstream'))} }\n`
    : '';
  await writeFile(config, jetstream + (options.config ?? ''));
  const child = spawn('nats-server', ['-c', config, '-a', '127.0.0.1', '-p', String(options.port || -1)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));

  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= (async () => {
      process.removeListener('exit', kill);
      kill();
      await exited;
      await rm(folder, { recursive: true, force: true });
    })());

  try {
    const port = await listeningPort(child);
    return { port, url: `nats://127.0.0.1:${port}`, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = '';
    let port: number | undefined;
    const late = setTimeout(() => reject(new Error(`nats-server did not start: ${log}`)), startTimeoutMs);
    child.once('error', (cause) => reject(new Error('nats-server is not installed', { cause })));
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}: ${log}`)));
    child.stderr!.on('data', (chunk: Buffer) => {
      if (log.length < 65_536) log += chunk;
      port ??= Number(/Listening for client connections on \S+:(\d+)/.exec(log)?.[1]) || undefined;
      if (port === undefined || !log.includes('Server is ready')) return;
      clearTimeout(late);
      resolve(port);
    });
  });
}
