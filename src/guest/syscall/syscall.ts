/**
 * The system calls of a founding Faasm module, imported from `env`: `__syscall0` to `__syscall6`, with the numbers of
 * i386 that its musl uses, over the files that WASI shows too.
 */
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { type ImportFunctions, type ImportTable, waits } from '../port.ts';
import type { WasiContext } from '../wasi/context.ts';
import { ErrnoFailure } from '../wasi/errno.ts';
import { place } from '../wasi/layout.ts';
import { SyscallContext, type SystemCall } from './context.ts';
import { descriptorCalls } from './descriptors.ts';
import { linuxErrno, toResult } from './errno.ts';
import { ioCalls } from './io.ts';
import { listingCalls } from './listing.ts';
import { memoryCalls } from './memory.ts';
import { numbers } from './numbers.ts';
import { openCalls } from './open.ts';
import { pathCalls } from './paths.ts';
import { processCalls } from './process.ts';
import { socketCalls } from './sockets.ts';
import { timeCalls } from './time.ts';

type Name = keyof typeof numbers;

const calls: Readonly<Record<Name, SystemCall>> = {
  ...descriptorCalls,
  ...ioCalls,
  ...listingCalls,
  ...memoryCalls,
  ...openCalls,
  ...pathCalls,
  ...processCalls,
  ...socketCalls,
  ...timeCalls,
};
const byNumber = new Map(
  Object.entries(numbers).map(([name, number]) => [number as number, calls[name as Name]]),
);

const argumentsMax = 6;
const counts = Array.from({ length: argumentsMax + 1 }, (_, count) => count);

export const syscallTable: ImportTable = {
  ...Object.fromEntries(counts.map((count) => [`__syscall${count}`, waits(`${'i'.repeat(count + 1)}:i`)])),
  /** One at which a thread may be cancelled. */
  __syscall_cp: waits('iiiiiii:i'),
  /** The arguments are where the second one says. */
  __syscall: waits('ii:i'),
};

export type Syscalls = ReturnType<typeof createSyscalls>;

export function createSyscalls(memory: GuestMemory, wasi: WasiContext) {
  const context = new SyscallContext(memory, wasi);
  const run = (number: number, ...parameters: number[]): number | Promise<number> => {
    const call = byNumber.get(number);
    if (call === undefined) {
      context.missing(number);
      return -linuxErrno.nosys;
    }
    try {
      return call(context, ...parameters);
    } catch (thrown) {
      return toFailure(thrown);
    }
  };
  const imports: ImportFunctions = {
    ...Object.fromEntries(counts.map((count) => [`__syscall${count}`, run])),
    __syscall_cp: run,
    __syscall(number: number, pointer: number) {
      const at = place(memory, pointer, argumentsMax * 4);
      const view = memory.view();
      return run(number, ...counts.slice(1).map((count) => view.getInt32(at + (count - 1) * 4, true)));
    },
  };
  return {
    context,
    imports,
    call: (name: Name, ...parameters: number[]) => run(numbers[name], ...parameters),
  };
}

function toFailure(thrown: unknown): number {
  if (thrown instanceof ErrnoFailure) return toResult(thrown.errno);
  if (thrown instanceof GuestFault && thrown.isAddress) return -linuxErrno.fault;
  throw thrown;
}
