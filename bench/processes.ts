/** Child processes of the benchmark: servers that say when they are ready, and load generators that print a result. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadResult } from './load/summary.ts';

export const root = join(import.meta.dirname, '..');
/** Of built functions; the same that `npm start` uses. */
export const cacheFolder = join(root, '.faasm/cache');

export interface Running extends AsyncDisposable {
  /** What it printed first. */
  readonly firstLine: string;
  readonly pid: number;
}

/** Starts a program and waits for its first line on standard output. */
export async function startProcess(
  command: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child = spawn(command, parameters, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const firstLine = await firstLineOf(child);
  return {
    firstLine,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export async function load(file: string, parameters: readonly (string | number)[]): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'bench/load', file),
    ...parameters.map(String),
  ]);
  return JSON.parse(stdout) as LoadResult;
}

export interface BenchHost extends AsyncDisposable {
  readonly http: string;
  readonly natsPort: number;
  readonly pid: number;
}

/** A Faasm host with its demos live, on free ports and a data folder of its own. */
export async function startHost(environment: Readonly<Record<string, string>> = {}): Promise<BenchHost> {
  const [http, upload, nats] = await Promise.all([freePort(), freePort(), freePort()]);
  const data = await mkdtemp(join(tmpdir(), 'faasm-bench-'));
  const running = spawn(process.execPath, ['actors/faasm.ts', 'dev'], {
    cwd: root,
    stdio: 'ignore',
    env: {
      ...process.env,
      FAASM_HTTP_PORT: String(http),
      FAASM_UPLOAD_PORT: String(upload),
      FAASM_NATS_PORT: String(nats),
      FAASM_DATA: data,
      FAASM_LOG_LEVEL: 'warn',
      FAASM_BUILD_CACHE: cacheFolder,
      ...environment,
    },
  });
  const url = `http://127.0.0.1:${http}`;
  // The last of the demos to go live.
  await untilOk(`${url}/f/demo/x2`);
  return {
    http: url,
    natsPort: nats,
    pid: running.pid!,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGTERM');
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function untilOk(url: string): Promise<void> {
  const lastMs = performance.now() + 180_000;
  while (performance.now() < lastMs) {
    const answer = await fetch(url, { method: 'POST', body: '1' }).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not answer`);
}

function firstLineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`It ended with ${code} before it was ready`)));
  });
}
