/**
 * The core of asynchronous calls: which call runs next, and what becomes of one that ended. Pure: time comes in the
 * message, what is to be done goes out as effects.
 *
 *     arrived ─▶ queued ─▶ ready ──▶ running ─▶ finish
 *                            ▲          │
 *                            └─ delayed ◀ retry
 *
 * Invariants
 * - No more than `runningMax` calls run.
 * - Users with ready calls take turns, however many each of them has; a user's own calls run in the order they came.
 * - A call is tried again only after an error that the table in proto/errors.ts calls worth it, and `attemptsMax` times.
 *
 * State is the actor's own record; `decide` changes it in place and returns the effects in order.
 */
import { type CallError, toCallError } from '../../proto/call.ts';
import { errorTable, FaasmError } from '../../proto/errors.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import type { KeptEnd, PendingCall } from './queue-port.ts';
import { Turns } from './queue-turns.ts';

export interface CallLimits {
  /** Calls running at once. */
  readonly runningMax: number;
  /** Calls of one user that are not running. */
  readonly queuedPerUserMax: number;
  /** The same of all users. */
  readonly queuedMax: number;
  /** Attempts at one call, the first included. */
  readonly attemptsMax: number;
  /** From the end of the first attempt to the second; doubled each time, up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
}

export type CallsMessage =
  /** Somebody wants a call to be queued: a place is kept for it until `queued` or `notQueued`. */
  | { readonly type: 'arrived'; readonly user: UserName }
  /** It is durable. */
  | { readonly type: 'queued'; readonly id: CallId; readonly user: UserName }
  | { readonly type: 'notQueued'; readonly user: UserName }
  /** What had not ended when the process did. */
  | { readonly type: 'recovered'; readonly calls: readonly PendingCall[]; readonly nowMs: number }
  /** An attempt ended, well or with an error. */
  | {
      readonly type: 'ended';
      readonly id: CallId;
      readonly attempts: number;
      readonly error: CallError | undefined;
      readonly nowMs: number;
    }
  /** There was nothing to run any more. */
  | { readonly type: 'vanished'; readonly id: CallId }
  | { readonly type: 'cancelled'; readonly id: CallId }
  | { readonly type: 'tick'; readonly nowMs: number }
  /** Run nothing more. */
  | { readonly type: 'stop' }
  /** What still runs is left to the next run of the host: its end is not waited for, and changes nothing. */
  | { readonly type: 'left' };

export type CallsEffect =
  | { readonly type: 'refuse'; readonly error: FaasmError }
  | { readonly type: 'run'; readonly id: CallId }
  | {
      readonly type: 'finish';
      readonly id: CallId;
      readonly state: KeptEnd['state'];
      readonly error: CallError | undefined;
    }
  | { readonly type: 'retry'; readonly id: CallId; readonly error: CallError; readonly notBeforeMs: number }
  /** Whoever runs it should stop. */
  | { readonly type: 'interrupt'; readonly id: CallId };

interface DelayedCall {
  readonly user: UserName;
  readonly notBeforeMs: number;
}

export interface CallsState {
  readonly limits: CallLimits;
  readonly ready: Turns;
  readonly delayed: Map<CallId, DelayedCall>;
  readonly running: Map<CallId, UserName>;
  /** Ready, delayed or about to be queued, by user. */
  readonly queued: Map<UserName, number>;
  queuedTotal: number;
  stopped: boolean;
}

export function createCallsState(limits: CallLimits): CallsState {
  return {
    limits,
    ready: new Turns(),
    delayed: new Map(),
    running: new Map(),
    queued: new Map(),
    queuedTotal: 0,
    stopped: false,
  };
}

export function decide(state: CallsState, message: CallsMessage): CallsEffect[] {
  const effects: CallsEffect[] = [];
  switch (message.type) {
    case 'arrived': {
      const error = refusal(state, message.user);
      if (error === undefined) countQueued(state, message.user, 1);
      else effects.push({ type: 'refuse', error });
      return effects;
    }
    case 'queued':
      state.ready.add(message.user, message.id);
      break;
    case 'notQueued':
      countQueued(state, message.user, -1);
      return effects;
    case 'recovered':
      for (const call of message.calls) recover(state, call, message.nowMs, effects);
      break;
    case 'ended':
      end(state, message, effects);
      break;
    case 'vanished':
      state.running.delete(message.id);
      break;
    case 'cancelled':
      cancel(state, message.id, effects);
      break;
    case 'tick':
      for (const [id, { user, notBeforeMs }] of state.delayed) {
        if (notBeforeMs > message.nowMs) continue;
        state.delayed.delete(id);
        state.ready.add(user, id);
      }
      break;
    case 'stop':
      state.stopped = true;
      return effects;
    case 'left':
      state.running.clear();
      return effects;
  }
  dispatch(state, effects);
  return effects;
}

/** When the next `tick` is needed, in Unix milliseconds; Infinity: not before something else happens. */
export function nextTickMs({ delayed, stopped }: CallsState): number {
  let next = Number.POSITIVE_INFINITY;
  if (stopped) return next;
  for (const { notBeforeMs } of delayed.values()) next = Math.min(next, notBeforeMs);
  return next;
}

function refusal(state: CallsState, user: UserName): FaasmError | undefined {
  const { queuedPerUserMax, queuedMax, retryMs } = state.limits;
  const queued = state.queued.get(user) ?? 0;
  const options = { details: { component: 'calls', retryAfterMs: retryMs } };
  if (queued >= queuedPerUserMax) {
    const why = `User ${user} has ${queued} calls queued; wait for some, or raise FAASM_ASYNC_QUEUED_PER_USER_MAX`;
    return new FaasmError('too_many_requests', why, options);
  }
  if (state.queuedTotal < queuedMax) return undefined;
  return new FaasmError(
    'too_many_requests',
    `${state.queuedTotal} calls are queued on this host; try later`,
    options,
  );
}

function recover(state: CallsState, call: PendingCall, nowMs: number, effects: CallsEffect[]): void {
  const { id, user, attempts, notBeforeMs } = call;
  if (attempts >= state.limits.attemptsMax) {
    const error = new FaasmError(
      'executor_lost',
      `The host stopped during attempt ${attempts} of ${attempts}`,
    );
    effects.push({ type: 'finish', id, state: 'dead', error: toCallError(error) });
    return;
  }
  countQueued(state, user, 1);
  if (notBeforeMs > nowMs) state.delayed.set(id, { user, notBeforeMs });
  else state.ready.add(user, id);
}

function end(
  state: CallsState,
  message: Extract<CallsMessage, { type: 'ended' }>,
  effects: CallsEffect[],
): void {
  const { id, attempts, error, nowMs } = message;
  const user = state.running.get(id);
  if (user === undefined) return;
  state.running.delete(id);
  if (error === undefined || !errorTable[error.code].retry) {
    const how = error === undefined ? 'succeeded' : error.code === 'cancelled' ? 'cancelled' : 'failed';
    effects.push({ type: 'finish', id, state: how, error });
  } else if (attempts >= state.limits.attemptsMax) {
    effects.push({ type: 'finish', id, state: 'dead', error });
  } else {
    const { retryMs, retryMaxMs } = state.limits;
    const waitMs = Math.min(retryMs * 2 ** (attempts - 1), retryMaxMs);
    const notBeforeMs = nowMs + Math.max(waitMs, Math.min(error.details.retryAfterMs ?? 0, retryMaxMs));
    countQueued(state, user, 1);
    state.delayed.set(id, { user, notBeforeMs });
    effects.push({ type: 'retry', id, error, notBeforeMs });
  }
}

function cancel(state: CallsState, id: CallId, effects: CallsEffect[]): void {
  if (state.running.has(id)) {
    effects.push({ type: 'interrupt', id });
    return;
  }
  const user = state.delayed.get(id)?.user ?? state.ready.remove(id);
  if (user === undefined) return;
  state.delayed.delete(id);
  countQueued(state, user, -1);
}

function dispatch(state: CallsState, effects: CallsEffect[]): void {
  while (!state.stopped && state.running.size < state.limits.runningMax) {
    const next = state.ready.take();
    if (next === undefined) return;
    countQueued(state, next.user, -1);
    state.running.set(next.id, next.user);
    effects.push({ type: 'run', id: next.id });
  }
}

function countQueued(state: CallsState, user: UserName, added: number): void {
  const queued = (state.queued.get(user) ?? 0) + added;
  if (queued === 0) state.queued.delete(user);
  else state.queued.set(user, queued);
  state.queuedTotal += added;
}
