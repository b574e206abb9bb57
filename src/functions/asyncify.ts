/**
 * Rewrites modules that are booted once, each in a process of its own: Binaryen takes 0.5 GB for 26 MB, and as long as
 * half a minute for a function of 200 KB. It must not be able to take the host with it. One at a time.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FaasmError } from '../../proto/errors.ts';
import { refused } from '../faaslet/boot.ts';

export interface AsyncifyRequest {
  readonly bytes: Uint8Array;
  /** By index: those that are on the stack when it unwinds. */
  readonly functions: readonly number[];
}

export type AsyncifyAnswer = { readonly bytes: Uint8Array } | { readonly error: string };

export interface Asyncify {
  /** @throws FaasmError `bad_module`, `deadline_exceeded` */
  rewrite(request: AsyncifyRequest): Promise<Uint8Array>;
  /** Ends what is under way. */
  close(): void;
}

/** The main loop of Python, one function of 200 KB, takes half a minute; an upload may take 2. */
const timeoutMs = 100_000;
/** In pages of 64 KiB: 2 GiB. */
const execArgv = ['--wasm-max-mem-pages=32768'];
const program = fileURLToPath(new URL('./asyncify-process.ts', import.meta.url));

export function createAsyncify(): Asyncify {
  const closing = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  return {
    rewrite(request) {
      const turn = last.then(() => rewrite(request, closing.signal));
      last = turn.catch(() => {});
      return turn;
    },
    close: () => closing.abort(),
  };
}

function rewrite(request: AsyncifyRequest, closing: AbortSignal): Promise<Uint8Array> {
  const late = AbortSignal.timeout(timeoutMs);
  const child = fork(program, {
    execArgv,
    env: {},
    serialization: 'advanced',
    stdio: 'ignore',
    signal: AbortSignal.any([late, closing]),
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve, reject) => {
    child.once('message', (answer: AsyncifyAnswer) => {
      if ('bytes' in answer) resolve(answer.bytes);
      else reject(refused(answer.error));
    });
    child.once('error', (cause) => {
      if (closing.aborted) reject(new FaasmError('draining', 'The host is stopping'));
      else if (late.aborted)
        reject(
          new FaasmError('deadline_exceeded', `The module was not rewritten within ${timeoutMs / 1000} s`),
        );
      else reject(new FaasmError('internal', `Rewriting a module failed: ${cause.message}`, { cause }));
    });
    child.once('exit', () => reject(refused('it is too much for Binaryen')));
    child.send(request);
  });
}
