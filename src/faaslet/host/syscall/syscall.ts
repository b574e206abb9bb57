/**
 * The system calls of a founding Faasm module, imported from `env`: `__syscall0` to `__syscall6`, with the numbers of
 * i386 that its musl uses, over the files that WASI shows too.
 */
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions, ImportTable } from '../port.ts';
import type { WasiContext } from '../wasi/context.ts';
import { ErrnoFailure } from '../wasi/errno.ts';
import { place } from '../wasi/layout.ts';
import { SyscallContext, type SystemCalls } from './context.ts';
import { linuxErrno, toResult } from './errno.ts';
import { fileCalls } from './files.ts';
import { processCalls } from './process.ts';

const calls: SystemCalls = { ...fileCalls, ...processCalls };

const argumentsMax = 6;
const words = Array.from({ length: argumentsMax + 1 }, (_, count) => count);

export const syscallTable: ImportTable = {
  ...Object.fromEntries(
    words.map((count) => [`__syscall${count}`, { signature: `${'i'.repeat(count + 1)}:i`, waits: true }]),
  ),
  /** The arguments are where the second one says. */
  __syscall: { signature: 'ii:i', waits: true },
  getrlimit: { signature: 'ii:i', waits: false },
  ioctl: { signature: 'iii:i', waits: false },
};

export function createSyscalls(memory: GuestMemory, wasi: WasiContext): ImportFunctions {
  const context = new SyscallContext(memory, wasi);
  const run = (number: number, ...parameters: number[]): number | Promise<number> => {
    try {
      const call = calls[number];
      return call === undefined ? -linuxErrno.nosys : call(context, ...parameters);
    } catch (thrown) {
      return toFailure(thrown);
    }
  };
  return {
    ...Object.fromEntries(words.map((count) => [`__syscall${count}`, run])),
    __syscall(number: number, pointer: number) {
      const at = place(memory, pointer, argumentsMax * 4);
      const view = memory.view();
      return run(
        number,
        ...Array.from({ length: argumentsMax }, (_, index) => view.getInt32(at + index * 4, true)),
      );
    },
    getrlimit: (resource: number, out: number) => run(191, resource, out),
    ioctl: (fd: number, request: number, pointer: number) => run(54, fd, request, pointer),
  };
}

function toFailure(thrown: unknown): number {
  if (thrown instanceof ErrnoFailure) return toResult(thrown.errno);
  if (thrown instanceof GuestFault && thrown.isAddress) return -linuxErrno.fault;
  throw thrown;
}
