/** The process, its scheduling, and random bytes. */
import { GuestExit } from '../guest-fault.ts';
import type { WasiFunctions } from './context.ts';
import { errno, fail } from './errno.ts';

const randomChunkBytes = 65_536;

export const procRandomFunctions = {
  /** @throws GuestExit always; the code is signed, so that `exit(-1)` is -1 */
  proc_exit: (_context, code: number) => {
    throw new GuestExit(code | 0);
  },
  /** A Faaslet has no signals. */
  proc_raise: (_context, _signal: number) => fail('nosys'),
  /** A Faaslet has one thread, which gives way when it waits. */
  sched_yield: () => errno.success,
  random_get: (context, buffer: number, byteLength: number) => {
    const bytes = context.memory.bytes(buffer, byteLength);
    for (let start = 0; start < bytes.length; start += randomChunkBytes)
      context.powers.randomFill(bytes.subarray(start, start + randomChunkBytes));
    return errno.success;
  },
} satisfies WasiFunctions;
