/**
 * How a module of the founding toolchain starts and ends. Its `main` is called as it is, without the `_start` that would
 * ask for arguments and call `exit()`: so its arguments are put on its stack, as a kernel does, and what its libc holds
 * of standard output is written out when it has returned.
 */
import type { GuestMemory } from './guest-memory.ts';
import type { FunctionImport } from './imports.ts';

type Entry = (...parameters: (number | bigint)[]) => unknown;

export interface FoundingStart {
  /** Puts the arguments into memory. @returns argc and argv, or zeros where there is no place for them */
  passArguments(args: readonly string[]): readonly [argc: number, argv: number];
  /** Nothing where the module exports none of what does it. */
  readonly flush: { readonly entry: Entry; readonly parameters: readonly number[] } | undefined;
}

const stackAlignment = 16;
const pointerBytes = 4;
const utf8 = new TextEncoder();

/** Nothing for all other modules. @param stackPointer the first mutable global, as clang has it */
export function createFoundingStart(
  imports: readonly FunctionImport[],
  memory: GuestMemory,
  stackPointer: unknown,
  exports: Readonly<Record<string, unknown>>,
): FoundingStart | undefined {
  const isFounding = imports.some(({ module, name }) => module === 'env' && name.startsWith('__syscall'));
  if (!isFounding) return undefined;
  return {
    passArguments: (args) =>
      (stackPointer instanceof WebAssembly.Global && pushArguments(memory, stackPointer, args)) || [0, 0],
    flush: toFlush(exports),
  };
}

function pushArguments(
  memory: GuestMemory,
  stackPointer: WebAssembly.Global,
  args: readonly string[],
): [argc: number, argv: number] | undefined {
  const texts = args.map((arg) => utf8.encode(`${arg}\0`));
  const tableBytes = (texts.length + 1) * pointerBytes;
  const byteLength = texts.reduce((sum, text) => sum + text.length, tableBytes);
  const top: unknown = stackPointer.value;
  if (typeof top !== 'number') return undefined;
  const argv = Math.floor(((top >>> 0) - byteLength) / stackAlignment) * stackAlignment;
  if (argv <= 0 || argv + byteLength > memory.all().length) return undefined;
  const view = memory.view();
  let text = argv + tableBytes;
  for (const [index, bytes] of texts.entries()) {
    view.setUint32(argv + index * pointerBytes, text, true);
    memory.bytes(text, bytes.length).set(bytes);
    text += bytes.length;
  }
  view.setUint32(argv + texts.length * pointerBytes, 0, true);
  stackPointer.value = argv | 0;
  return [texts.length, argv];
}

function toFlush({
  __stdio_exit: closeAll,
  fflush,
}: Readonly<Record<string, unknown>>): FoundingStart['flush'] {
  if (typeof closeAll === 'function') return { entry: closeAll as Entry, parameters: [] };
  if (typeof fflush === 'function') return { entry: fflush as Entry, parameters: [0] };
  return undefined;
}
