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
 * - A call is answered once: by its executor, or by `finish` when it is late, cancelled or lost.
 * - An executor is killed only for a call that is over its time and inside its guest.
 *
 * Killing an executor ends all that is on it, so a call that may have to be killed is kept apart from calls that are
 * not of its own tree: a program is unproven until it has ended some calls, and again once it had to be killed.
 *
 * State is the pool's own record; `decide` changes it in place and returns the effects in order.
 */
import type { CallError } from '../../proto/call.ts';
import type { CallId, UserName } from '../../proto/names.ts';

export interface PoolLimits {
  /** Executors at most. */
  readonly executorsMax: number;
  /** Executors kept started with nothing to do, so that a call need not wait for a start. */
  readonly executorsSpare: number;
  /** An executor beyond the spare ones stops after so long without a call. */
  readonly executorIdleMs: number;
  /** Calls on all executors at most; later ones queue. */
  readonly activeCallsMax: number;
  /** So many chained calls more, since those who wait for them hold places. */
  readonly chainedReserve: number;
  /** Calls queued at most; later ones are refused. */
  readonly queuedCallsMax: number;
  /** An executor that has been inside one guest for so long gets no further calls, and loses those not begun. */
  readonly busyAfterMs: number;
  /** A late call that is inside its guest has so long to notice before its executor is killed. */
  readonly killGraceMs: number;
  /** A program that has ended so many calls is proven. */
  readonly provenAfterCalls: number;
}

/** A call, or the initialisation of a program, as far as placing it goes. */
export interface Work {
  readonly id: CallId;
  readonly user: UserName;
  /** `user/function`, for messages. */
  readonly name: string;
  /** The key of its program. */
  readonly version: string;
  readonly deadlineMs: number;
  /** The call at the root of the chain that it is in. */
  readonly root: CallId;
  /** Made by another call, which may be waiting for it. */
  readonly chained: boolean;
}

/** What an executor's control block said. */
export interface ExecutorSample {
  readonly executor: number;
  readonly turn: number;
  /** The call inside its guest. */
  readonly current: CallId | undefined;
}

export type PoolMessage =
  | { readonly type: 'call'; readonly work: Work; readonly nowMs: number }
  | { readonly type: 'ended'; readonly ids: readonly CallId[]; readonly nowMs: number }
  | { readonly type: 'cancel'; readonly id: CallId; readonly nowMs: number }
  /** Taken back from an executor before it began. */
  | { readonly type: 'withdrawn'; readonly ids: readonly CallId[]; readonly nowMs: number }
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
  | { readonly type: 'post'; readonly executor: number; readonly id: CallId }
  /** Take back those of these calls that have not begun, and say which with `withdrawn`. */
  | { readonly type: 'withdraw'; readonly executor: number; readonly ids: readonly CallId[] }
  | { readonly type: 'cancel'; readonly executor: number; readonly id: CallId }
  /** Answer the call with this error. */
  | { readonly type: 'finish'; readonly id: CallId; readonly error: CallError };

interface ExecutorState {
  readonly id: number;
  ready: boolean;
  /** Whose calls are on it. */
  user: UserName | undefined;
  readonly calls: Set<CallId>;
  /** How many of them are of programs that were unproven when they came. */
  unproven: number;
  /** Versions it has run: it may have a warm Faaslet of them. */
  readonly versions: Set<string>;
  turn: number;
  turnSinceMs: number;
  current: CallId | undefined;
  idleSinceMs: number;
  /** The turn during which its calls were already withdrawn. */
  withdrawnTurn: number;
}

interface CallState {
  readonly work: Work;
  /** Whether it counts as unproven on its executor. */
  unproven: boolean;
  executor: number | undefined;
  /** When it was answered although it is still on its executor. */
  finishedMs: number | undefined;
}

export interface PoolState {
  readonly limits: PoolLimits;
  /** How many calls a program has ended; minus infinity once it had to be killed. */
  readonly records: Map<string, number>;
  readonly executors: Map<number, ExecutorState>;
  readonly calls: Map<CallId, CallState>;
  /** Waiting calls by user; the map's order is the order in which users have their turn. */
  readonly queues: Map<UserName, CallId[]>;
  queued: number;
  lastExecutor: number;
}

export function createPoolState(limits: PoolLimits): PoolState {
  return {
    limits,
    records: new Map(),
    executors: new Map(),
    calls: new Map(),
    queues: new Map(),
    queued: 0,
    lastExecutor: 0,
  };
}

export function decide(state: PoolState, message: PoolMessage): PoolEffect[] {
  const effects: PoolEffect[] = [];
  switch (message.type) {
    case 'call':
      admit(state, message.work, message.nowMs, effects);
      break;
    case 'ended':
      for (const id of message.ids) forget(state, id, message.nowMs);
      drainQueues(state, message.nowMs, effects);
      break;
    case 'cancel':
      end(state, message.id, cancelled(state, message.id), message.nowMs, effects);
      break;
    case 'withdrawn':
      for (const id of message.ids) takeBack(state, id, message.nowMs);
      drainQueues(state, message.nowMs, effects);
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

export function activeCalls(state: PoolState): number {
  return state.calls.size - state.queued;
}

function admit(state: PoolState, work: Work, nowMs: number, effects: PoolEffect[]): void {
  const { limits } = state;
  if (work.deadlineMs <= nowMs) {
    effects.push({ type: 'finish', id: work.id, error: late(work) });
    return;
  }
  const call: CallState = { work, unproven: false, executor: undefined, finishedMs: undefined };
  state.calls.set(work.id, call);
  if (hasRoom(state, work) && !state.queues.has(work.user) && place(state, call, nowMs, effects)) return;
  if (state.queued >= limits.queuedCallsMax) {
    state.calls.delete(work.id);
    const error: CallError = {
      code: 'too_many_requests',
      message: `Cannot run ${work.name}: ${state.queued} calls are queued, which is the most; try again, or raise FAASM_QUEUED_CALLS_MAX`,
      details: { component: 'worker-pool', retryAfterMs: 1000 },
    };
    effects.push({ type: 'finish', id: work.id, error });
    return;
  }
  enqueue(state, work, false);
}

function hasRoom(state: PoolState, work: Work): boolean {
  const { activeCallsMax, chainedReserve } = state.limits;
  return activeCalls(state) <= activeCallsMax + (work.chained ? chainedReserve : 0);
}

/** Posts the call to an executor, if there is one for it. */
function place(state: PoolState, call: CallState, nowMs: number, effects: PoolEffect[]): boolean {
  const executor = choose(state, call.work);
  if (executor === undefined) return false;
  executor.user = call.work.user;
  executor.calls.add(call.work.id);
  executor.versions.add(call.work.version);
  call.unproven = !isProven(state, call.work.version);
  if (call.unproven) executor.unproven++;
  if (executor.calls.size === 1) executor.turnSinceMs = nowMs;
  call.executor = executor.id;
  effects.push({ type: 'post', executor: executor.id, id: call.work.id });
  return true;
}

/**
 * An executor that has calls of this user and is not busy; else an idle one, rather one that has run the version.
 * A call shares an executor with calls of another tree only if all of them are proven, or no more executors can start.
 */
function choose(state: PoolState, work: Work): ExecutorState | undefined {
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

function isProven(state: PoolState, version: string): boolean {
  return (state.records.get(version) ?? 0) >= state.limits.provenAfterCalls;
}

/** A record is kept for so many programs; when there are more, all start anew. */
const recordsMax = 10_000;

function record(state: PoolState, version: string, killed: boolean): void {
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
function isBusy(executor: ExecutorState): boolean {
  return executor.withdrawnTurn === executor.turn;
}

function enqueue(state: PoolState, work: Work, first: boolean): void {
  const queue = state.queues.get(work.user);
  if (queue === undefined) state.queues.set(work.user, [work.id]);
  else if (first) queue.unshift(work.id);
  else queue.push(work.id);
  state.queued++;
}

/** Posts what can be posted, a call of each user in turn. */
function drainQueues(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  let placed = state.queued > 0;
  while (placed) {
    placed = false;
    for (const [user, queue] of [...state.queues]) {
      const call = state.calls.get(queue[0]!)!;
      if (!hasRoom(state, call.work) || !place(state, call, nowMs, effects)) continue;
      placed = true;
      queue.shift();
      state.queued--;
      state.queues.delete(user);
      if (queue.length > 0) state.queues.set(user, queue);
    }
  }
}

/** The call is on no executor and in no queue any more. */
function forget(state: PoolState, id: CallId, nowMs: number): void {
  const call = state.calls.get(id);
  if (call === undefined) return;
  const executor = call.executor === undefined ? undefined : state.executors.get(call.executor);
  if (executor !== undefined) {
    executor.turnSinceMs = nowMs;
    executor.withdrawnTurn = -1;
  }
  record(state, call.work.version, false);
  release(state, call, nowMs);
  state.calls.delete(id);
}

function release(state: PoolState, call: CallState, nowMs: number): void {
  const executor = call.executor === undefined ? undefined : state.executors.get(call.executor);
  call.executor = undefined;
  if (executor === undefined) return;
  executor.calls.delete(call.work.id);
  if (call.unproven) executor.unproven--;
  if (executor.calls.size > 0) return;
  executor.user = undefined;
  executor.idleSinceMs = nowMs;
}

function takeBack(state: PoolState, id: CallId, nowMs: number): void {
  const call = state.calls.get(id);
  if (call === undefined) return;
  release(state, call, nowMs);
  if (call.finishedMs === undefined) enqueue(state, call.work, true);
  else state.calls.delete(id);
}

/** Answers a call before its executor does. */
function end(state: PoolState, id: CallId, error: CallError, nowMs: number, effects: PoolEffect[]): void {
  const call = state.calls.get(id);
  if (call === undefined || call.finishedMs !== undefined) return;
  effects.push({ type: 'finish', id, error });
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
  const queue = state.queues.get(work.user);
  const at = queue?.indexOf(work.id) ?? -1;
  if (queue === undefined || at === -1) return;
  queue.splice(at, 1);
  state.queued--;
  if (queue.length === 0) state.queues.delete(work.user);
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
    call.executor = undefined;
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
    if (call.work.deadlineMs <= nowMs) end(state, call.work.id, late(call.work), nowMs, effects);
  }
  for (const executor of state.executors.values()) killIfLate(state, executor, nowMs, effects);
  stopIdle(state, nowMs, effects);
  drainQueues(state, nowMs, effects);
}

function observe(state: PoolState, sample: ExecutorSample, nowMs: number, effects: PoolEffect[]): void {
  const executor = state.executors.get(sample.executor);
  if (executor === undefined) return;
  if (executor.turn !== sample.turn || sample.current === undefined) executor.turnSinceMs = nowMs;
  executor.turn = sample.turn;
  executor.current = sample.current;
  if (sample.current === undefined) {
    executor.withdrawnTurn = -1;
    return;
  }
  if (nowMs - executor.turnSinceMs < state.limits.busyAfterMs || isBusy(executor)) return;
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
  record(state, current.work.version, true);
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

/** Started at once at the most for calls that wait: a start takes a core for some milliseconds. */
const startingMax = 4;

/** Starts executors until there are as many without calls as are wanted: the spare ones, and some for waiting calls. */
function keepSpares(state: PoolState, effects: PoolEffect[]): void {
  const { executorsMax, executorsSpare } = state.limits;
  let free = 0;
  for (const executor of state.executors.values()) if (executor.user === undefined) free++;
  const wanted = executorsSpare + Math.min(state.queued, startingMax);
  while (free < wanted && state.executors.size < executorsMax) {
    const id = ++state.lastExecutor;
    state.executors.set(id, {
      id,
      ready: false,
      user: undefined,
      calls: new Set(),
      unproven: 0,
      versions: new Set(),
      turn: 0,
      turnSinceMs: 0,
      current: undefined,
      idleSinceMs: 0,
      withdrawnTurn: -1,
    });
    effects.push({ type: 'start', executor: id });
    free++;
  }
}

function lost(work: Work, why: string): CallError {
  return {
    code: 'executor_lost',
    message: `${work.name} was stopped with its executor: ${why}; call it again`,
    details: { component: 'worker-pool' },
  };
}

function exhausted(work: Work): CallError {
  return {
    code: 'guest_out_of_memory',
    message: `${work.name} used up the memory that the host keeps for its references and exceptions`,
    details: { component: 'worker-pool' },
  };
}

function late(work: Work): CallError {
  return {
    code: 'deadline_exceeded',
    message: `${work.name} did not end within its time limit; give it more with X-Faasm-Timeout up to FAASM_CALL_TIMEOUT_MS`,
    details: { component: 'worker-pool' },
  };
}

function cancelled(state: PoolState, id: CallId): CallError {
  const name = state.calls.get(id)?.work.name ?? 'The call';
  return { code: 'cancelled', message: `${name} was cancelled`, details: { component: 'worker-pool' } };
}
