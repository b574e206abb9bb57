/**
 * A command that is booted once: it runs at upload until it first reads its standard input, and every call goes on
 * from there, with its own input.
 *
 *   upload   run until the first read, note whose frames are on the stack           `stack`
 *            rewrite those functions with Asyncify (src/functions/asyncify.ts)
 *            run the rewritten module to the first read, unwind, take the snapshot   `BootState`
 *   call     show the snapshot, rewind, answer that read with the call's input
 *
 * Asyncify writes the frames into linear memory, so they are a part of the snapshot. Only functions of the stack are
 * rewritten, as no other ever unwinds; that the stack is the same when the snapshot is taken is checked.
 */
import { FaasmError } from '../../proto/errors.ts';
import { wasmPageBytes } from '../memory/port.ts';

/** Of a rewritten module: the indices of the functions that can unwind, each as a little-endian u32. */
export const unwindsSection = 'faasm.unwinds';

/** Frames of an interpreter take some kilobytes. */
const stackBytes = 16 * wasmPageBytes;
const stateUnwinding = 1;

/** Thrown at the first read of a module that is not rewritten yet. */
export class BootStackFound {
  readonly stack: readonly number[];

  constructor(stack: readonly number[]) {
    this.stack = stack;
  }
}

type Unwind = Readonly<Record<(typeof unwindExports)[number], (pointer?: number) => number>>;
export const unwindExports = [
  'asyncify_start_unwind',
  'asyncify_stop_unwind',
  'asyncify_start_rewind',
  'asyncify_stop_rewind',
  'asyncify_get_state',
] as const;

/** Runs at upload, until the first read. */
export class BootInput {
  readonly #exports: Unwind;
  readonly #memory: WebAssembly.Memory;
  /** Nothing for a module that is not rewritten. */
  readonly #unwinds: ReadonlySet<number> | undefined;
  #pointer: number | undefined;

  constructor(module: WebAssembly.Module, exports: Record<string, unknown>, memory: WebAssembly.Memory) {
    this.#exports = exports as Unwind;
    this.#memory = memory;
    const [section] = WebAssembly.Module.customSections(module, unwindsSection);
    this.#unwinds = section && new Set(new Uint32Array(section));
  }

  /** The guest's first read; it unwinds from here. @throws BootStackFound, FaasmError `bad_module` */
  readonly read = (): number => {
    const stack = guestStack();
    if (this.#unwinds === undefined) throw new BootStackFound(stack);
    const other = stack.find((index) => !this.#unwinds!.has(index));
    if (other !== undefined || this.#pointer !== undefined)
      throw refused('it did not come to its first read in the same way twice');
    this.#pointer = this.#allocate();
    this.#exports.asyncify_start_unwind(this.#pointer);
    return 0;
  };

  /** The entry has returned. @returns where Asyncify's stack is @throws FaasmError `bad_module` */
  unwound(): number {
    if (this.#pointer === undefined) throw refused('it ended without reading its standard input');
    if (this.#exports.asyncify_get_state() !== stateUnwinding) throw refused('it ended while it unwound');
    this.#exports.asyncify_stop_unwind();
    return this.#pointer;
  }

  /** Beside all that the guest has: allocators take what lies behind it as a gap. */
  #allocate(): number {
    let pages: number;
    try {
      pages = this.#memory.grow(stackBytes / wasmPageBytes);
    } catch (cause) {
      throw refused('there is no memory left for its stack; raise FAASM_MEMORY_MAX_MIB', cause);
    }
    const pointer = pages * wasmPageBytes;
    const words = new DataView(this.#memory.buffer);
    words.setUint32(pointer, pointer + 8, true);
    words.setUint32(pointer + 4, pointer + stackBytes, true);
    return pointer;
  }
}

/** The standard input of a call, whose first read is the one that the guest was booted up to. */
export function toResumedInput(
  exports: Record<string, unknown>,
  input: Uint8Array,
): {
  read(into: Uint8Array): number;
} {
  let offset = 0;
  let resumed = false;
  return {
    read(into) {
      if (!resumed) (exports as Unwind).asyncify_stop_rewind();
      resumed = true;
      const part = input.subarray(offset, offset + into.length);
      into.set(part);
      offset += part.length;
      return part.length;
    },
  };
}

export function resume(exports: Record<string, unknown>, pointer: number): void {
  (exports as Unwind).asyncify_start_rewind(pointer);
}

export function refused(why: string, cause?: unknown): FaasmError {
  return new FaasmError('bad_module', `It cannot be booted once: ${why}`, { cause });
}

const wasmFrame = /:wasm-function\[(\d+)\]:0x[0-9a-f]+\)?$/;

/** The functions, by index, whose frames are on the stack: the engine tells them in a trace. */
function guestStack(): number[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  const { stack = '' } = new Error('here');
  Error.stackTraceLimit = limit;
  const found = stack.split('\n').flatMap((line) => wasmFrame.exec(line)?.[1] ?? []);
  return [...new Set(found.map(Number))];
}
