/**
 * Which executor a call goes to.
 *
 * Quick calls are packed on few executors, since each thread that has to be woken costs more than such a call.
 *
 * A program is proven when it has ended some calls, and unproven again, for good, once it had to be killed. Calls of
 * unproven programs are kept apart from calls of other trees, as killing an executor ends all that is on it.
 */
import {
  activeOf,
  type CallQueue,
  type ExecutorState,
  type PoolLimits,
  type PoolState,
  type ProgramRecord,
  type Work,
} from './state.ts';

/** So many times as many places as are left free one user may have: four of five, and with chained calls most of 21. */
const shareOfFree = { root: 4, chained: 20 };

/** Each user leaves a part of what is free to others, so however many come, the next still finds some. */
export function hasRoom(state: PoolState, work: Work, nowMs: number): boolean {
  if (nowMs < (state.fullUntilMs.get(work.user) ?? 0)) return false;
  const { activeCallsMax, activeCallsReserve } = state.limits;
  const own = activeOf(state, work.user);
  if (!work.chained && own >= activeCallsMax) return false;
  const free = activeCallsMax + activeCallsReserve - state.active;
  return own < free * (work.chained ? shareOfFree.chained : shareOfFree.root);
}

/** Of the queue a user has its part as of the places. */
export function hasQueueRoom({ limits }: PoolState, { length }: CallQueue, own: number): boolean {
  return own < (limits.queuedCallsMax - length) * shareOfFree.root;
}

/**
 * Of the executors that have calls of this user, are not busy and may be shared, the fullest that is done soon; when
 * none is, one more for each core, and then the emptiest.
 * Else an idle one, rather one that has run the program, and not always the last. When a user's calls have been kept apart on many executors
 * already, or no more can start, they share.
 */
export function choose(state: PoolState, work: Work): ExecutorState | undefined {
  const { limits } = state;
  let held = 0;
  let idleCount = 0;
  let fullest: ExecutorState | undefined;
  let emptiest: ExecutorState | undefined;
  let unshared: ExecutorState | undefined;
  let idle: ExecutorState | undefined;
  for (const executor of state.executors.values()) {
    if (!executor.ready) continue;
    if (executor.user === undefined) {
      idleCount++;
      if (idle === undefined || isBetterIdle(executor, idle, work)) idle = executor;
    } else if (executor.user === work.user) {
      held++;
      if (isBusy(executor)) continue;
      const { expectedUs } = executor;
      if (!mayShare(state, work, executor)) {
        if (unshared === undefined || executor.calls.size < unshared.calls.size) unshared = executor;
      } else if (expectedUs < limits.packedUs) {
        if (fullest === undefined || expectedUs > fullest.expectedUs) fullest = executor;
      } else if (emptiest === undefined || expectedUs < emptiest.expectedUs) emptiest = executor;
    }
  }
  if (fullest !== undefined) return fullest;
  if (idleCount === 1 && leavesLastIdle(state, work, held)) idle = undefined;
  if (emptiest !== undefined) return held < limits.parallelExecutors && idle !== undefined ? idle : emptiest;
  if (unshared !== undefined && held >= limits.isolatedExecutorsMax) return unshared;
  if (held >= executorsPerUser(limits)) return unshared;
  return idle ?? (state.executors.size >= limits.executorsMax ? unshared : undefined);
}

/** One that has run the program, else the one that has run the fewest: others may be warm for somebody else. */
function isBetterIdle(one: ExecutorState, other: ExecutorState, { version }: Work): boolean {
  if (one.versions.has(version) !== other.versions.has(version)) return one.versions.has(version);
  return one.versions.size < other.versions.size;
}

/**
 * The last idle executor is for calls that are likely to give it back: not for a program that had to be killed, and not
 * for a further unproven call of a user who has an executor.
 */
function leavesLastIdle(state: PoolState, work: Work, held: number): boolean {
  if (state.limits.executorsMax === 1) return false;
  return isSuspect(state, work.version) || (held > 0 && !isProven(state, work.version));
}

function mayShare(state: PoolState, work: Work, executor: ExecutorState): boolean {
  return executor.root === work.root || (executor.unproven === 0 && isProven(state, work.version));
}

export function isProven(state: PoolState, version: string): boolean {
  return (state.records.get(version)?.ended ?? 0) >= state.limits.provenAfterCalls;
}

/** Whether one of its calls had to be killed. */
function isSuspect(state: PoolState, version: string): boolean {
  return state.records.get(version)?.ended === Number.NEGATIVE_INFINITY;
}

/** What a call counts for, of a program that has not ended one yet. */
const unknownUs = 50;

export function expectedUs(state: PoolState, version: string): number {
  return state.records.get(version)?.averageUs ?? unknownUs;
}

/** A record is kept for so many programs; when there are more, all start anew. */
const recordsMax = 10_000;
/** How much the latest call counts in the average. */
const latestWeight = 0.25;

export function recordEnd(state: PoolState, version: string, ranUs: number): void {
  const known = state.records.get(version);
  if (known === undefined) addRecord(state, version, { ended: 1, averageUs: ranUs });
  else {
    if (known.ended < state.limits.provenAfterCalls) known.ended++;
    known.averageUs += (ranUs - known.averageUs) * latestWeight;
  }
}

export function recordKill(state: PoolState, version: string): void {
  const averageUs = expectedUs(state, version);
  addRecord(state, version, { ended: Number.NEGATIVE_INFINITY, averageUs });
}

function addRecord(state: PoolState, version: string, made: ProgramRecord): void {
  if (state.records.size >= recordsMax && !state.records.has(version)) state.records.clear();
  state.records.set(version, made);
}

/** One user never holds all executors, unless there is only one. */
function executorsPerUser(limits: PoolLimits): number {
  return Math.max(1, Math.ceil(limits.executorsMax / 2));
}

/** A busy executor was inside one and the same guest at the last ticks. */
export function isBusy(executor: ExecutorState): boolean {
  return executor.withdrawnTurn === executor.turn;
}
