/**
 * Compiles the functions of a module that may be too much for the engine's compiler in a process that may die of it, as
 * the compiler ends its process when it has no memory left. It takes that long once, before the module is live.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FaasmError } from '../../proto/errors.ts';
import type { CompileLimits } from '../wasm/compile-limits.ts';

export interface TrialRequest {
  readonly bytes: Uint8Array;
  readonly limits: CompileLimits;
}

/** How it ended: within its limits, or why not; a module that is not valid is none of its business. */
export type TrialAnswer = 'compiled' | 'memory' | 'time';

const program = fileURLToPath(new URL('./trial-process.ts', import.meta.url));
/** Of the whole process, beside its own measure of the time that it computes: the machine may be busy. */
const wallTimeFactor = 5;

/** @throws FaasmError `bad_module` that says what was too much, `deadline_exceeded` */
export async function tryCompilation(bytes: Uint8Array, limits: CompileLimits, what: string): Promise<void> {
  const child = fork(program, { execArgv: [], env: {}, serialization: 'advanced', stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), limits.compileMaxMs * wallTimeFactor);
  const end = await new Promise<TrialAnswer>((resolve, reject) => {
    child.once('message', (answer: TrialAnswer) => resolve(answer));
    child.once('error', (cause) =>
      reject(new FaasmError('internal', `Compiling a module failed: ${cause.message}`, { cause })),
    );
    child.once('exit', () => resolve(child.killed ? 'time' : 'memory'));
    child.send({ bytes, limits } satisfies TrialRequest, () => {});
  });
  clearTimeout(timer);
  child.kill('SIGKILL');
  if (end !== 'compiled') throw tooMuch(end, limits, what);
}

function tooMuch(
  end: 'memory' | 'time',
  { compileMaxBytes, compileMaxMs }: CompileLimits,
  what: string,
): FaasmError {
  const limit =
    end === 'memory'
      ? `more than ${Math.round(compileMaxBytes / 2 ** 20)} MiB of memory; split it, or raise FAASM_COMPILE_MAX_MIB`
      : `more than ${compileMaxMs} ms; split it, or raise FAASM_COMPILE_MAX_MS`;
  return new FaasmError('bad_module', `To compile the module takes ${limit}. ${what}`);
}
