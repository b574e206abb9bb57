/** What executors tell of their calls: that they ended, left calls to be made, or wait for some. */
import type { CallEnd, CallError } from '../../proto/call.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import type { ExecutorEvents } from '../executor/port.ts';
import { toOutputDetails } from '../guest/left-output.ts';
import type { Clock } from '../power/port.ts';
import type { ChainedCalls } from './chained-calls.ts';
import type { PoolMessage } from './decide.ts';
import type { Executors } from './executors.ts';
import type { Jobs } from './jobs.ts';

export interface ProgressOptions {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly chained: ChainedCalls;
  readonly executors: Executors;
  newCallId(user: UserName): CallId;
  /** Tells the core. */
  step(message: PoolMessage): void;
}

export type CallProgress = Pick<ExecutorEvents, 'ended' | 'initialized' | 'chain' | 'chained' | 'full'>;

export function createProgress({
  clock,
  jobs,
  chained,
  executors,
  newCallId,
  step,
}: ProgressOptions): CallProgress {
  return {
    ended(id, end) {
      const job = jobs.get(id);
      if (job !== undefined) {
        const { chains } = end;
        const refusal = chains && chained.refusal(job, job.call.depth, chains);
        if (chains !== undefined && refusal === undefined) chained.make(job, job.call.depth, chains);
        jobs.finish(id, refusal === undefined ? end : refused(end, refusal));
      }
      step({ type: 'ended', id, ranUs: end.ranUs, nowMs: clock.steadyMs() });
    },

    initialized(id, left) {
      jobs.finishInitialization(id, left);
      step({ type: 'ended', id, ranUs: undefined, nowMs: clock.steadyMs() });
    },

    chain(id, { run, depth, calls }) {
      const job = jobs.get(id);
      const executor = job?.executor === undefined ? undefined : executors.get(job.executor);
      if (job === undefined || executor === undefined) return;
      const refusal = chained.refusal(job, depth, calls);
      if (refusal !== undefined) {
        executor.refuse(id, run, refusal);
        return;
      }
      step({ type: 'waits', id, nowMs: clock.steadyMs() });
      chained.waits(id);
      chained.make(job, depth, calls, ({ handle }, end) => executor.settle(id, run, handle, end));
    },

    chained(parent, ran) {
      const job = jobs.get(parent);
      if (job === undefined) return;
      jobs.tellOfChained(job, newCallId(job.call.user), ran);
      const refusal = chained.ranBeside(job);
      if (refusal !== undefined) {
        step({ type: 'refused', id: parent, error: refusal, nowMs: clock.steadyMs() });
      }
    },

    full: (id, error) => step({ type: 'full', id, error, nowMs: clock.steadyMs() }),
  };
}

/** A call that succeeded, but for the calls that it left to be made. */
function refused(end: CallEnd, { code, message, details }: CallError): CallEnd {
  const error = { code, message, details: { ...details, ...toOutputDetails(end.output) } };
  return { ...end, returnValue: 1, error };
}
