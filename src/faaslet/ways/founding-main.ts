/**
 * How a module of the founding toolchain starts and ends. Its `main` is called as it is, without the `_start` that would
 * ask for arguments and call `exit()`: so its arguments are put on its stack, as a kernel does, and what its libc holds
 * of standard output is written out when it has returned.
 */
import type { GuestMemory } from '../../guest/guest-memory.ts';
import type { FunctionImport } from '../../guest/imports.ts';
import type { Entry, Instance } from '../instance.ts';
import type { Program } from '../program.ts';
import type { Way } from './way.ts';

const stackAlignment = 16;
const pointerBytes = 4;
const utf8 = new TextEncoder();

export function isFounding({ layout, imports }: Program): boolean {
  return layout.entry === 'main' && imports.some(isSystemCall);
}

export function byFoundingMain(instance: Instance): Way {
  const { layout } = instance.program;
  const main = instance.function(layout.entry);
  const flush = toFlush(instance);
  return {
    async enter() {
      const returned = await main(...(layout.entryParameters === 2 ? passArguments(instance) : []));
      await flush?.();
      return returned;
    },
  };
}

function isSystemCall({ module, name }: FunctionImport): boolean {
  return module === 'env' && name.startsWith('__syscall');
}

/** Puts the arguments into memory; zeros where there is no place for them. */
function passArguments({ memory, stackPointer, wasi }: Instance): readonly [argc: number, argv: number] {
  const { args } = wasi.context.call;
  return (stackPointer instanceof WebAssembly.Global && pushArguments(memory, stackPointer, args)) || [0, 0];
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

/** Nothing where the module exports none of what does it. */
function toFlush(instance: Instance): (() => unknown) | undefined {
  const { __stdio_exit: closeAll, fflush } = instance.exports;
  if (typeof closeAll === 'function') return () => instance.enter(closeAll as Entry)();
  if (typeof fflush === 'function') return () => instance.enter(fflush as Entry)(0);
  return undefined;
}
