/** Clocks, and waiting. */
import { GuestFault } from '../guest-fault.ts';
import { clock, clockNs } from '../wasi/clock.ts';
import { fail } from '../wasi/errno.ts';
import { place } from '../wasi/layout.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { readTime, writeTime } from './layout.ts';

/** Beyond the four of WASI, Linux has finer and coarser ones, which are the same here. */
const otherClocks: Readonly<Record<number, number>> = {
  4: clock.monotonic,
  5: clock.realtime,
  6: clock.monotonic,
  7: clock.monotonic,
};
const resolutionNs = 1000n;
const pollBytes = 8;
const pollReady = { in: 1, out: 4 } as const;
const futexWaits: ReadonlySet<number> = new Set([0, 9]);
const futexCommand = 0x7f;
const nsPerMs = 1_000_000n;
const sleepMaxMs = 2 ** 31 - 1;

export const timeCalls = {
  gettimeofday: (context, out) => {
    if (out !== 0) writeTime(context, out, context.wasi.powers.realtimeNs(), 'us');
    return 0;
  },
  clock_gettime: (context, id, out) => {
    writeTime(context, out, nowNs(context, id));
    return 0;
  },
  clock_getres: (context, id, out) => {
    nowNs(context, id);
    if (out !== 0) writeTime(context, out, resolutionNs);
    return 0;
  },

  nanosleep: (context, wanted) => sleep(context, readTime(context, wanted)),
  clock_nanosleep: (context, id, flags, wanted) => {
    const ns = readTime(context, wanted);
    return sleep(context, flags === 0 ? ns : ns - nowNs(context, id));
  },
  sched_yield: () => 0,

  /** There is one thread, so nobody else changes the word. */
  futex: (_context, _word, operation) => (futexWaits.has(operation & futexCommand) ? -linuxErrno.again : 0),

  poll,
} satisfies SystemCalls;

/** @throws ErrnoFailure `inval` for an unknown clock */
function nowNs(context: SyscallContext, id: number): bigint {
  return clockNs(context.wasi, otherClocks[id] ?? id);
}

async function sleep({ wasi }: SyscallContext, wantedNs: bigint): Promise<number> {
  const start = wasi.powers.monotonicNs();
  const { epoch } = wasi;
  for (let leftNs = wantedNs; leftNs > 0n; leftNs = start + wantedNs - wasi.powers.monotonicNs()) {
    await wasi.powers.sleep(Math.min(Number((leftNs + nsPerMs - 1n) / nsPerMs), sleepMaxMs));
    if (wasi.epoch !== epoch) return 0;
  }
  wasi.slept(wasi.powers.monotonicNs() - start);
  return 0;
}

/**
 * What is not standard input is ready at once.
 * @throws GuestFault in the words of the original, for standard input and for what is not the function's own
 */
function poll(
  context: SyscallContext,
  list: number,
  count: number,
  timeoutMs: number,
): number | Promise<number> {
  if (count < 0) fail('inval');
  const at = place(context.memory, list, count * pollBytes);
  const view = context.memory.view();
  let ready = 0;
  for (let entry = at; entry < at + count * pollBytes; entry += pollBytes) {
    const fd = view.getInt32(entry, true);
    if (fd === 0) throw new GuestFault('Attempt to interact with stdin');
    if (fd > 0) context.owned(fd);
    const events = fd < 0 ? 0 : view.getInt16(entry + 4, true) & (pollReady.in | pollReady.out);
    view.setInt16(entry + 6, events, true);
    if (events !== 0) ready++;
  }
  if (ready > 0 || timeoutMs === 0) return ready;
  return sleep(context, BigInt(timeoutMs < 0 ? sleepMaxMs : timeoutMs) * nsPerMs);
}
