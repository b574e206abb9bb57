/**
 * An executor runs calls, one guest at a time, apart from the host's main thread: a thread, or whatever else stands
 * behind this port. What crosses it are values, which can be copied from one process to another.
 *
 *   start ─> ready ─> … ─> gone
 *
 *   run ──> posted ──> begun ──> ended
 *             │ └────> full: it may begin when there is room
 *             └ withdraw: it has not begun, and never will
 *
 * Executor invariants
 * - A call that was given to it ends once: by `ended` or `initialized`, `full`, being withdrawn, or `gone`.
 * - Nothing is told after `gone`, nor before `ready`.
 * - While a guest waits, others are inside theirs. One that computes is stopped by `kill` alone.
 * - What guests ask of services of the host does not pass here: it goes to the private bus, with the user of the call
 *   that asks.
 */
import type { Call, CallEnd, CallError, ChainedCall } from '../../proto/call.ts';
import type { StateAccess } from '../../proto/function-settings.ts';
import type { CallId, FunctionName } from '../../proto/names.ts';
import type { Bus } from '../bus/port.ts';
import type { FaasletLimits, FaasletTable } from '../faaslet/faaslet-budget.ts';
import type { InitializedState, Program } from '../faaslet/program.ts';
import type { CallLimits } from '../guest/call-context.ts';
import type { GuestHost } from '../guest/port.ts';
import type { FileLimits } from '../guest/wasi/tree.ts';

export interface Executor {
  readonly id: number;
  /** Behind all that it was given before. */
  run(call: CallToRun, program: Program): void;
  /** Runs a program's initialisation, as a call that ends with what was left. */
  initialize(call: Pick<Call, 'id' | 'user'>, program: Program): void;
  /** Takes these calls back, as far as they have not begun; gives those it got. */
  withdraw(ids: readonly CallId[]): CallId[];
  /** The call is over, whatever it waits for; one that computes notices when it waits or ends. */
  cancel(id: CallId): void;
  /** A call that `chain` asked for has ended. @param run as `chain` named it, of the call with this id */
  settle(id: CallId, run: number, handle: number, end: CallEnd): void;
  /** What `chain` asked for cannot be made: whoever waits for it fails. */
  refuse(id: CallId, run: number, error: CallError): void;
  /** No call of this program will come any more. @param key of the program */
  forget(key: string): void;
  /** Has it throw some idle Faaslets away. */
  evict(): void;
  /** Has less weight than the main thread and other executors when cores are short, or as much as they again. */
  demote(demoted: boolean): void;
  sample(): ExecutorSample;
  /** Ends it, whatever it is doing. */
  kill(why: string): void;
}

export type CallToRun = Pick<
  Call,
  'id' | 'user' | 'input' | 'depth' | 'given' | 'pointer' | 'request' | 'attempt'
>;

/** A look at it from outside, which it need not notice. */
export interface ExecutorSample {
  readonly executor: number;
  /** Counts how often a guest was entered. */
  readonly turn: number;
  /** The call inside its guest. */
  readonly current: CallId | undefined;
}

export interface ExecutorEvents {
  /** @param memory how it has the memory of Faaslets, for people */
  ready(memory: string): void;
  ended(id: CallId, end: CallEnd): void;
  initialized(id: CallId, left: Initialized): void;
  /** A call, or a run that is a part of it, waits for chained calls; these are to be made now. */
  chain(id: CallId, wanted: WantedChains): void;
  /** A call that this one chained has run beside it, and ended. */
  chained(id: CallId, ran: RanBeside): void;
  /** There is no room for this call now, and it has not begun. */
  full(id: CallId, error: CallError): void;
  /** It has no room for another Faaslet; others may have idle ones. */
  crowded(): void;
  /**
   * It has ended, wanted or not; `notBegun` are those of its calls that it had not begun, and `exhausted` is the one
   * that used up the memory which it has for its own work.
   */
  gone(why: string, notBegun: readonly CallId[], exhausted: CallId | undefined): void;
}

/** Neither field when the module cannot be snapshotted. */
export interface Initialized {
  readonly state: InitializedState | undefined;
  readonly error: CallError | undefined;
}

export interface WantedChains {
  readonly run: number;
  readonly depth: number;
  readonly calls: readonly ChainedCall[];
}

export interface RanBeside {
  readonly function: FunctionName;
  readonly durationMs: number;
  readonly outputBytes: number;
  readonly end: Omit<CallEnd, 'output'>;
}

/** @param owner by which name it asks and has locks; no other one ever has it */
export type StartExecutor = (id: number, owner: string, events: ExecutorEvents) => Executor;

export interface ExecutorsOptions {
  readonly settings: ExecutorSettings;
  /** Counts what they hold; with rows for twice as many as there may be, as some are ending. */
  readonly faaslets: FaasletTable;
  /** Where what their guests ask is answered. */
  readonly privateBus: Bus;
}

/** Of all executors of a host. */
export interface ExecutorSettings {
  /** As the main thread has it: images and segments are of one kind. */
  readonly memory: 'mapped' | 'copy';
  readonly limits: CallLimits;
  readonly sideModules: GuestHost['sideModules'];
  /** Where neither a function nor a call of the API says. */
  readonly stateAccess: StateAccess;
  readonly fileLimits: FileLimits;
  readonly faasletLimits: FaasletLimits;
  readonly chainDepthMax: number;
  /** Of the disk: has the contents of shared files. */
  readonly contentFolder: string;
  /** Of the disk: what V8 made of the executor's own source, which is most of the work of a start. */
  readonly codeFolder: string;
  /** Of the disk: where to mark which asynchronous calls have begun. */
  readonly begunFolder: string;
  readonly config: readonly (readonly [string, string])[];
}
