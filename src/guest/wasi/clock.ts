/** The four clocks. The two of processor time tell the time since the call began less the time it slept. */
import type { WasiContext, WasiFunctions } from './context.ts';
import { errno, fail } from './errno.ts';
import { writeU64 } from './layout.ts';

export const clock = { realtime: 0, monotonic: 1, processCpu: 2, threadCpu: 3 } as const;

/** One microsecond: what a guest may count on, whatever the host's clocks can do. */
const resolutionNs = 1000n;

export const clockFunctions = {
  clock_res_get: (context, id: number, out: number) => {
    if (id >>> 0 > clock.threadCpu) fail('inval');
    writeU64(context.memory, out, resolutionNs);
    return errno.success;
  },
  clock_time_get: (context, id: number, _precisionNs: bigint, out: number) => {
    writeU64(context.memory, out, clockNs(context, id));
    return errno.success;
  },
} satisfies WasiFunctions;

/** @throws ErrnoFailure `inval` for an unknown clock */
export function clockNs(context: WasiContext, id: number): bigint {
  switch (id) {
    case clock.realtime:
      return context.powers.realtimeNs();
    case clock.monotonic:
      return context.powers.monotonicNs();
    case clock.processCpu:
    case clock.threadCpu:
      return context.cpuNs();
    default:
      fail('inval');
  }
}
