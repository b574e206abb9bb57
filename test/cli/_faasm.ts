/** The real command as a child process, and a host that only remembers what it was asked. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../../actors/faasm.ts');

/** So that no build of a test is one of whoever runs it. */
const cacheHome = mkdtempSync(join(tmpdir(), 'faasm-cache-'));
process.once('exit', () => rmSync(cacheHome, { recursive: true, force: true }));

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** @default the system's temporary folder */
  readonly folder?: string;
}

export interface Run {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Tests of a file begin all at once; so many processes do not. */
const atOnceMax = 4;
let free = atOnceMax;
const waiting: (() => void)[] = [];

export async function faasm(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await start(args, options);
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

function start(args: readonly string[], options: RunOptions): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.folder ?? tmpdir(),
    env: { PATH: process.env.PATH, XDG_CACHE_HOME: cacheHome, ...options.environment },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk) => stdout.push(chunk));
  child.stderr.on('data', (chunk) => stderr.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FakeHost extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** By method and path, as in `GET /f/demo`. */
export type FakeRoutes = ReadonlyMap<string, FakeAnswer>;

/**
 * Gives every request this answer, or that of its route, once all of it is there, or lets `answer` do as it likes with
 * its head alone.
 */
export async function startFakeHost(
  answer: FakeAnswer | FakeRoutes | ((res: ServerResponse) => void),
): Promise<FakeHost> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (req, res) => {
    if (typeof answer === 'function') return answer(res);
    const body = Buffer.concat(await Array.fromAsync(req));
    seen.push({ method: req.method!, path: req.url!, headers: req.headers, body });
    const {
      status,
      headers,
      body: answered,
    } = 'status' in answer ? answer : answer.get(`${req.method} ${req.url}`)!;
    res.writeHead(status, headers ?? {}).end(answered);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
