/**
 * Which executor a call goes to.
 *
 * A program is proven when it has ended some calls, and unproven again, for good, once it had to be killed. Calls of
 * unproven programs are kept apart from calls of other trees, as killing an executor ends all that is on it.
 */
import { activeCalls, type ExecutorState, type PoolLimits, type PoolState, type Work } from './state.ts';

export function hasRoom(state: PoolState, work: Work): boolean {
  const { activeCallsMax, chainedReserve } = state.limits;
  return activeCalls(state) <= activeCallsMax + (work.chained ? chainedReserve : 0);
}

/**
 * An executor that has calls of this user and is not busy; else an idle one, rather one that has run the version.
 * A call shares an executor with calls of another tree only if all of them are proven, or no more executors can start.
 */
export function choose(state: PoolState, work: Work): ExecutorState | undefined {
  let own: ExecutorState | undefined;
  let shared: ExecutorState | undefined;
  let idle: ExecutorState | undefined;
  let held = 0;
  for (const executor of state.executors.values()) {
    if (!executor.ready) continue;
    if (executor.user === work.user) {
      held++;
      if (isBusy(executor)) continue;
      if (shared === undefined || executor.calls.size < shared.calls.size) shared = executor;
      if (own !== undefined && executor.calls.size >= own.calls.size) continue;
      if (mayShare(state, work, executor)) own = executor;
    } else if (executor.user === undefined) {
      if (idle === undefined || (!idle.versions.has(work.version) && executor.versions.has(work.version))) {
        idle = executor;
      }
    }
  }
  if (own !== undefined) return own;
  if (held >= executorsPerUser(state.limits)) return shared;
  return idle ?? (state.executors.size >= state.limits.executorsMax ? shared : undefined);
}

function mayShare(state: PoolState, work: Work, executor: ExecutorState): boolean {
  if (isProven(state, work.version) && executor.unproven === 0) return true;
  for (const id of executor.calls) if (state.calls.get(id)!.work.root !== work.root) return false;
  return true;
}

export function isProven(state: PoolState, version: string): boolean {
  return (state.records.get(version) ?? 0) >= state.limits.provenAfterCalls;
}

/** A record is kept for so many programs; when there are more, all start anew. */
const recordsMax = 10_000;

export function record(state: PoolState, version: string, killed: boolean): void {
  if (state.records.size >= recordsMax && !state.records.has(version)) state.records.clear();
  const before = state.records.get(version) ?? 0;
  if (killed) state.records.set(version, Number.NEGATIVE_INFINITY);
  else if (before < state.limits.provenAfterCalls) state.records.set(version, before + 1);
}

/** One user never holds all executors, unless there is only one. */
function executorsPerUser(limits: PoolLimits): number {
  return Math.max(1, Math.ceil(limits.executorsMax / 2));
}

/** A busy executor was inside one and the same guest at the last ticks. */
export function isBusy(executor: ExecutorState): boolean {
  return executor.withdrawnTurn === executor.turn;
}
