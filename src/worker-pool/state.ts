/** What the worker pool knows: its executors, its calls and its limits. */
import type { CallId, UserName } from '../../proto/names.ts';

export interface PoolLimits {
  /** Executors at most. */
  readonly executorsMax: number;
  /** Executors kept started with nothing to do, so that a call need not wait for a start. */
  readonly executorsSpare: number;
  /** An executor beyond the spare ones stops after so long without a call. */
  readonly executorIdleMs: number;
  /** Calls of one user on executors at most that nobody chained; later ones queue. */
  readonly activeCallsMax: number;
  /** So many calls more, of all: chained ones, since those who wait for them hold places, and of other users. */
  readonly activeCallsReserve: number;
  /** Calls queued at most, and as many chained ones; later ones are refused. */
  readonly queuedCallsMax: number;
  /** An executor that has been inside one guest for so long gets no further calls, and loses those not begun. */
  readonly busyAfterMs: number;
  /** An executor that has been inside one guest for so long gives way to others when cores are short. */
  readonly demotedAfterMs: number;
  /** A late call that is inside its guest has so long to notice before its executor is killed. */
  readonly killGraceMs: number;
  /** An executor whose calls take less than this together, as programs go, is filled before another is used. */
  readonly packedUs: number;
  /** So many executors may compute for one user at once: the number of cores. Long computations get more. */
  readonly parallelExecutors: number;
  /** Unproven calls of one user are kept apart on so many executors, and share them beyond that. */
  readonly isolatedExecutorsMax: number;
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

export interface ExecutorState {
  readonly id: number;
  ready: boolean;
  /** Whose calls are on it. */
  user: UserName | undefined;
  readonly calls: Set<CallId>;
  /** The root of all of them; nothing where they are, or have been, of several trees. */
  root: CallId | undefined;
  /** How many of them are of programs that were unproven when they came. */
  unproven: number;
  /** How long they take together, as far as their programs are known. */
  expectedUs: number;
  /** Versions it has run: it may have a warm Faaslet of them. */
  readonly versions: Set<string>;
  turn: number;
  turnSinceMs: number;
  current: CallId | undefined;
  idleSinceMs: number;
  /** The turn during which its calls were already withdrawn. */
  withdrawnTurn: number;
  /** Whether it gives way to others. */
  demoted: boolean;
}

export interface CallState {
  readonly work: Work;
  /** Whether it counts as unproven on its executor. */
  unproven: boolean;
  /** What it counts for on its executor. */
  expectedUs: number;
  executor: number | undefined;
  /** When it was answered although it is still on its executor. */
  finishedMs: number | undefined;
}

/** What is known of a program. */
export interface ProgramRecord {
  /** Calls that it has ended; minus infinity once it had to be killed. */
  ended: number;
  /** How long its calls are inside the guest; recent ones count most. */
  averageUs: number;
}

/** Waiting calls by user; the map's order is the order in which users have their turn. */
export interface CallQueue {
  readonly byUser: Map<UserName, CallId[]>;
  length: number;
}

export interface PoolState {
  readonly limits: PoolLimits;
  readonly records: Map<string, ProgramRecord>;
  readonly executors: Map<number, ExecutorState>;
  readonly calls: Map<CallId, CallState>;
  /** Calls that are on executors, and how many each user has there. */
  active: number;
  readonly activeByUser: Map<UserName, number>;
  /** Chained calls go first: others wait for them. */
  readonly queues: { readonly chained: CallQueue; readonly roots: CallQueue };
  /** An executor had no room for a call of this user: none is posted before this. */
  readonly fullUntilMs: Map<UserName, number>;
  lastExecutor: number;
}

export function createPoolState(limits: PoolLimits): PoolState {
  return {
    limits,
    records: new Map(),
    executors: new Map(),
    calls: new Map(),
    active: 0,
    activeByUser: new Map(),
    queues: { chained: { byUser: new Map(), length: 0 }, roots: { byUser: new Map(), length: 0 } },
    fullUntilMs: new Map(),
    lastExecutor: 0,
  };
}

export function queuedCalls({ queues }: PoolState): number {
  return queues.chained.length + queues.roots.length;
}

export function activeCalls(state: PoolState): number {
  return state.active;
}

export function activeOf({ activeByUser }: PoolState, user: UserName): number {
  return activeByUser.get(user) ?? 0;
}
