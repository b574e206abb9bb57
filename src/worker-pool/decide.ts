/**
 * The worker pool's core: which executor runs which call, when executors start and stop, and what happens to a call
 * that is late. Pure: time comes in the message, and what is to be done goes out as effects.
 *
 *   call ──> queued ──> posted to an executor ──> ended
 *              ▲            │ withdrawn: the executor computes something else
 *              └────────────┘
 *
 * Invariants
 * - While calls of a user are on an executor, only that user's calls are posted there; so stopping an executor costs
 *   no other user a call.
 * - A user never has all places for running calls, nor all of the queue.
 * - The last idle executor is not given to a program that had to be killed, so others find one.
 * - A call is answered once: by its executor, or by `finish` when it is late, cancelled or lost.
 * - An executor is killed only for a call that is over its time and inside its guest.
 *
 * State is the pool's own record; `decide` changes it in place and returns the effects in order.
 */
import type { CallError } from '../../proto/call.ts';
import type { CallId } from '../../proto/names.ts';
import type { ExecutorSample } from '../executor/port.ts';
import { cancelled, exhausted, late, lost, queueFull } from './endings.ts';
import {
  choose,
  expectedUs,
  hasQueueRoom,
  hasRoom,
  isBusy,
  isProven,
  recordEnd,
  recordKill,
} from './placement.ts';
import {
  activeCalls,
  activeOf,
  type CallQueue,
  type CallState,
  type ExecutorState,
  type PoolState,
  queuedCalls,
  type Work,
} from './state.ts';

export type PoolMessage =
  | { readonly type: 'call'; readonly work: Work; readonly nowMs: number }
  /** Its executor is done with it, `ranUs` after it began; nothing when it did not run. */
  | {
      readonly type: 'ended';
      readonly id: CallId;
      readonly ranUs: number | undefined;
      readonly nowMs: number;
    }
  | { readonly type: 'cancel'; readonly id: CallId; readonly nowMs: number }
  /** It may not go on. */
  | { readonly type: 'refused'; readonly id: CallId; readonly error: CallError; readonly nowMs: number }
  /** Taken back from an executor before it began. */
  | { readonly type: 'withdrawn'; readonly ids: readonly CallId[]; readonly nowMs: number }
  /** It waits for calls that it chained, and computes nothing meanwhile. */
  | { readonly type: 'waits'; readonly id: CallId; readonly nowMs: number }
  /** There was no room for it on its executor, which has not begun it. */
  | { readonly type: 'full'; readonly id: CallId; readonly error: CallError; readonly nowMs: number }
  | { readonly type: 'ready'; readonly executor: number; readonly nowMs: number }
  /** The thread is no more; `notBegun` are those of its calls that it had not begun. */
  | {
      readonly type: 'gone';
      readonly executor: number;
      readonly why: string;
      /** The call that brought it down, by using up the heap that V8 gives a thread. */
      readonly exhausted: CallId | undefined;
      readonly notBegun: readonly CallId[];
      readonly nowMs: number;
    }
  | { readonly type: 'tick'; readonly samples: readonly ExecutorSample[]; readonly nowMs: number };

export type PoolEffect =
  | { readonly type: 'start'; readonly executor: number }
  | { readonly type: 'stop'; readonly executor: number }
  | { readonly type: 'kill'; readonly executor: number; readonly why: string }
  /** It gives way to others when cores are short, or does not any more. */
  | { readonly type: 'demote'; readonly executor: number; readonly demoted: boolean }
  | { readonly type: 'post'; readonly executor: number; readonly id: CallId }
  /** Take back those of these calls that have not begun, and say which with `withdrawn`. */
  | { readonly type: 'withdraw'; readonly executor: number; readonly ids: readonly CallId[] }
  | { readonly type: 'cancel'; readonly executor: number; readonly id: CallId }
  /** Answer the call with this error. */
  | { readonly type: 'finish'; readonly id: CallId; readonly error: CallError };

export function decide(state: PoolState, message: PoolMessage): PoolEffect[] {
  const effects: PoolEffect[] = [];
  switch (message.type) {
    case 'call':
      admit(state, message.work, message.nowMs, effects);
      break;
    case 'ended':
      forget(state, message.id, message.ranUs, message.nowMs);
      drainQueues(state, message.nowMs, effects);
      break;
    case 'cancel':
      end(state, message.id, cancelled, message.nowMs, effects);
      break;
    case 'refused':
      end(state, message.id, () => message.error, message.nowMs, effects);
      break;
    case 'withdrawn':
      for (const id of message.ids) takeBack(state, id, message.nowMs);
      drainQueues(state, message.nowMs, effects);
      break;
    case 'waits':
      countNothing(state, message.id);
      break;
    case 'full':
      onFull(state, message.id, message.error, message.nowMs, effects);
      break;
    case 'ready':
      onReady(state, message.executor, message.nowMs);
      drainQueues(state, message.nowMs, effects);
      break;
    case 'gone':
      onGone(state, message, effects);
      break;
    case 'tick':
      onTick(state, message, effects);
      break;
  }
  keepSpares(state, effects);
  return effects;
}

function admit(state: PoolState, work: Work, nowMs: number, effects: PoolEffect[]): void {
  if (work.deadlineMs <= nowMs) {
    effects.push({ type: 'finish', id: work.id, error: late(work) });
    return;
  }
  const call: CallState = {
    work,
    unproven: false,
    expectedUs: 0,
    executor: undefined,
    finishedMs: undefined,
  };
  state.calls.set(work.id, call);
  const queue = queueOf(state, work);
  const queued = queue.byUser.get(work.user)?.length ?? 0;
  if (queued === 0 && hasRoom(state, work, nowMs) && place(state, call, nowMs, effects)) return;
  if (!hasQueueRoom(state, queue, queued)) {
    state.calls.delete(work.id);
    effects.push({ type: 'finish', id: work.id, error: queueFull(work, queued) });
    return;
  }
  enqueue(state, work, false);
}

/** More programs than so many an executor has no warm Faaslets of. */
const versionsMax = 1000;

/** Posts the call to an executor, if there is one for it. */
function place(state: PoolState, call: CallState, nowMs: number, effects: PoolEffect[]): boolean {
  const executor = choose(state, call.work);
  if (executor === undefined) return false;
  executor.user = call.work.user;
  const { root } = call.work;
  if (executor.calls.size === 0) executor.root = root;
  else if (executor.root !== root) executor.root = undefined;
  executor.calls.add(call.work.id);
  if (executor.versions.size >= versionsMax) executor.versions.clear();
  executor.versions.add(call.work.version);
  call.unproven = !isProven(state, call.work.version);
  if (call.unproven) executor.unproven++;
  call.expectedUs = expectedUs(state, call.work.version);
  executor.expectedUs += call.expectedUs;
  if (executor.calls.size === 1) executor.turnSinceMs = nowMs;
  call.executor = executor.id;
  state.active++;
  state.activeByUser.set(call.work.user, activeOf(state, call.work.user) + 1);
  effects.push({ type: 'post', executor: executor.id, id: call.work.id });
  return true;
}

function queueOf({ queues }: PoolState, work: Work): CallQueue {
  return work.chained ? queues.chained : queues.roots;
}

function enqueue(state: PoolState, work: Work, first: boolean): void {
  const queue = queueOf(state, work);
  const ids = queue.byUser.get(work.user);
  if (ids === undefined) queue.byUser.set(work.user, [work.id]);
  else if (first) ids.unshift(work.id);
  else ids.push(work.id);
  queue.length++;
}

/** Posts what can be posted, a call of each user in turn. */
function drainQueues(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (const queue of [state.queues.chained, state.queues.roots]) {
    let placed = queue.length > 0;
    while (placed) {
      placed = false;
      for (const [user, ids] of [...queue.byUser]) {
        const call = state.calls.get(ids[0]!)!;
        if (!hasRoom(state, call.work, nowMs) || !place(state, call, nowMs, effects)) continue;
        placed = true;
        ids.shift();
        queue.length--;
        queue.byUser.delete(user);
        if (ids.length > 0) queue.byUser.set(user, ids);
      }
    }
  }
}

/** The call is on no executor and in no queue any more. */
function forget(state: PoolState, id: CallId, ranUs: number | undefined, nowMs: number): void {
  const call = state.calls.get(id);
  if (call === undefined) return;
  const executor = call.executor === undefined ? undefined : state.executors.get(call.executor);
  if (executor !== undefined) {
    executor.turnSinceMs = nowMs;
    executor.withdrawnTurn = -1;
  }
  if (ranUs !== undefined) recordEnd(state, call.work.version, ranUs);
  release(state, call, nowMs);
  state.calls.delete(id);
}

function release(state: PoolState, call: CallState, nowMs: number): void {
  const executor = leaveExecutor(state, call);
  if (executor === undefined) return;
  executor.calls.delete(call.work.id);
  if (call.unproven) executor.unproven--;
  executor.expectedUs -= call.expectedUs;
  if (executor.calls.size > 0) return;
  executor.user = undefined;
  executor.expectedUs = 0;
  executor.idleSinceMs = nowMs;
}

/** The call holds no place any more. */
function leaveExecutor(state: PoolState, call: CallState): ExecutorState | undefined {
  if (call.executor === undefined) return undefined;
  const executor = state.executors.get(call.executor);
  call.executor = undefined;
  state.active--;
  const left = activeOf(state, call.work.user) - 1;
  if (left === 0) state.activeByUser.delete(call.work.user);
  else state.activeByUser.set(call.work.user, left);
  return executor;
}

function takeBack(state: PoolState, id: CallId, nowMs: number): void {
  const call = state.calls.get(id);
  if (call === undefined) return;
  release(state, call, nowMs);
  if (call.finishedMs === undefined) enqueue(state, call.work, true);
  else state.calls.delete(id);
}

function countNothing(state: PoolState, id: CallId): void {
  const call = state.calls.get(id);
  const executor = call?.executor === undefined ? undefined : state.executors.get(call.executor);
  if (call === undefined || executor === undefined) return;
  executor.expectedUs -= call.expectedUs;
  call.expectedUs = 0;
}

/** No call of its user is posted for so long after one found no room: some will have ended by then. */
const fullMs = 20;

/** It waits for room, unless nothing else takes any. */
function onFull(state: PoolState, id: CallId, error: CallError, nowMs: number, effects: PoolEffect[]): void {
  const call = state.calls.get(id);
  if (call === undefined) return;
  if (activeCalls(state) > 1) {
    takeBack(state, id, nowMs);
    state.fullUntilMs.set(call.work.user, nowMs + fullMs);
    return;
  }
  if (call.finishedMs === undefined) effects.push({ type: 'finish', id, error });
  release(state, call, nowMs);
  state.calls.delete(id);
}

/** Answers a call before its executor does. */
function end(
  state: PoolState,
  id: CallId,
  toError: (work: Work) => CallError,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const call = state.calls.get(id);
  if (call === undefined || call.finishedMs !== undefined) return;
  effects.push({ type: 'finish', id, error: toError(call.work) });
  if (call.executor === undefined) {
    dequeue(state, call.work);
    state.calls.delete(id);
    return;
  }
  call.finishedMs = nowMs;
  effects.push({ type: 'withdraw', executor: call.executor, ids: [id] });
  effects.push({ type: 'cancel', executor: call.executor, id });
}

function dequeue(state: PoolState, work: Work): void {
  const queue = queueOf(state, work);
  const ids = queue.byUser.get(work.user);
  const at = ids?.indexOf(work.id) ?? -1;
  if (ids === undefined || at === -1) return;
  ids.splice(at, 1);
  queue.length--;
  if (ids.length === 0) queue.byUser.delete(work.user);
}

function onReady(state: PoolState, id: number, nowMs: number): void {
  const executor = state.executors.get(id);
  if (executor === undefined) return;
  executor.ready = true;
  executor.idleSinceMs = nowMs;
}

function onGone(
  state: PoolState,
  message: Extract<PoolMessage, { type: 'gone' }>,
  effects: PoolEffect[],
): void {
  const executor = state.executors.get(message.executor);
  if (executor === undefined) return;
  const notBegun = new Set(message.notBegun);
  const calls = [...executor.calls];
  state.executors.delete(executor.id);
  for (const id of calls.reverse()) {
    const call = state.calls.get(id)!;
    leaveExecutor(state, call);
    if (call.finishedMs === undefined && notBegun.has(id)) {
      enqueue(state, call.work, true);
      continue;
    }
    state.calls.delete(id);
    if (call.finishedMs !== undefined) continue;
    const error = id === message.exhausted ? exhausted(call.work) : lost(call.work, message.why);
    effects.push({ type: 'finish', id, error });
  }
  drainQueues(state, message.nowMs, effects);
}

function onTick(
  state: PoolState,
  message: Extract<PoolMessage, { type: 'tick' }>,
  effects: PoolEffect[],
): void {
  const { nowMs } = message;
  for (const sample of message.samples) observe(state, sample, nowMs, effects);
  for (const call of state.calls.values()) {
    if (call.work.deadlineMs <= nowMs) end(state, call.work.id, late, nowMs, effects);
  }
  for (const executor of state.executors.values()) killIfLate(state, executor, nowMs, effects);
  stopIdle(state, nowMs, effects);
  for (const [user, untilMs] of state.fullUntilMs) if (untilMs <= nowMs) state.fullUntilMs.delete(user);
  drainQueues(state, nowMs, effects);
}

function observe(state: PoolState, sample: ExecutorSample, nowMs: number, effects: PoolEffect[]): void {
  const executor = state.executors.get(sample.executor);
  if (executor === undefined) return;
  if (executor.turn !== sample.turn || sample.current === undefined) executor.turnSinceMs = nowMs;
  executor.turn = sample.turn;
  executor.current = sample.current;
  const computesMs = nowMs - executor.turnSinceMs;
  const demoted = computesMs >= state.limits.demotedAfterMs;
  if (executor.demoted !== demoted) {
    executor.demoted = demoted;
    effects.push({ type: 'demote', executor: executor.id, demoted });
  }
  if (sample.current === undefined) {
    executor.withdrawnTurn = -1;
    return;
  }
  if (computesMs < state.limits.busyAfterMs || isBusy(executor)) return;
  executor.withdrawnTurn = executor.turn;
  const others = [...executor.calls].filter((id) => id !== sample.current);
  if (others.length > 0) effects.push({ type: 'withdraw', executor: executor.id, ids: others });
}

function killIfLate(state: PoolState, executor: ExecutorState, nowMs: number, effects: PoolEffect[]): void {
  if (!executor.ready) return;
  const current = executor.current === undefined ? undefined : state.calls.get(executor.current);
  if (current?.finishedMs === undefined || current.executor !== executor.id) return;
  const graceMs = state.limits.killGraceMs;
  if (nowMs - current.finishedMs < graceMs || nowMs - executor.turnSinceMs < graceMs) return;
  recordKill(state, current.work.version);
  executor.ready = false;
  effects.push({
    type: 'kill',
    executor: executor.id,
    why: `${current.work.name} on it did not stop when its time was over`,
  });
}

function stopIdle(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  let spare = 0;
  for (const executor of [...state.executors.values()]) {
    if (!executor.ready || executor.user !== undefined) continue;
    spare++;
    if (spare <= state.limits.executorsSpare || nowMs - executor.idleSinceMs < state.limits.executorIdleMs)
      continue;
    state.executors.delete(executor.id);
    effects.push({ type: 'stop', executor: executor.id });
  }
}

/**
 * Starts executors until there are as many without calls as are wanted: the spare ones, and for waiting calls no more
 * at once than there are cores, as a start takes one for a tenth of a second. */
function keepSpares(state: PoolState, effects: PoolEffect[]): void {
  const { executorsMax, executorsSpare, parallelExecutors } = state.limits;
  let free = 0;
  for (const executor of state.executors.values()) if (executor.user === undefined) free++;
  const wanted = executorsSpare + Math.min(queuedCalls(state), parallelExecutors);
  while (free < wanted && state.executors.size < executorsMax) {
    const id = ++state.lastExecutor;
    state.executors.set(id, {
      id,
      ready: false,
      user: undefined,
      calls: new Set(),
      root: undefined,
      unproven: 0,
      expectedUs: 0,
      versions: new Set(),
      turn: 0,
      turnSinceMs: 0,
      current: undefined,
      idleSinceMs: 0,
      withdrawnTurn: -1,
      demoted: false,
    });
    effects.push({ type: 'start', executor: id });
    free++;
  }
}
