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
 * Of the executors that have calls of this user, are not busy and may be shared, the fullest that has few, so that a
 * message carries several calls; when all have many, one more for each core, and then the emptiest.
 * Else an idle one, rather one that has run the program. When a user's calls have been kept apart on many executors
 * already, or no more can start, they share.
 */
export function choose(state: PoolState, work: Work): ExecutorState | undefined {
  const { limits } = state;
  let held = 0;
  let fullest: ExecutorState | undefined;
  let emptiest: ExecutorState | undefined;
  let unshared: ExecutorState | undefined;
  let idle: ExecutorState | undefined;
  for (const executor of state.executors.values()) {
    if (!executor.ready) continue;
    if (executor.user === undefined) {
      if (idle === undefined || (!idle.versions.has(work.version) && executor.versions.has(work.version))) {
        idle = executor;
      }
    } else if (executor.user === work.user) {
      held++;
      if (isBusy(executor)) continue;
      const calls = executor.calls.size;
      if (!mayShare(state, work, executor)) {
        if (unshared === undefined || calls < unshared.calls.size) unshared = executor;
      } else if (calls < limits.packedCallsMax) {
        if (fullest === undefined || calls > fullest.calls.size) fullest = executor;
      } else if (emptiest === undefined || calls < emptiest.calls.size) emptiest = executor;
    }
  }
  if (fullest !== undefined) return fullest;
  if (emptiest !== undefined) return held < limits.parallelExecutors && idle !== undefined ? idle : emptiest;
  if (unshared !== undefined && held >= limits.isolatedExecutorsMax) return unshared;
  if (held >= executorsPerUser(limits)) return unshared;
  return idle ?? (state.executors.size >= limits.executorsMax ? unshared : undefined);
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
