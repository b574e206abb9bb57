/**
 * What the worker pool and an executor thread say to each other. Everything here can be posted to a thread.
 *
 * Small calls and their plain ends are most of it: they go through rings in shared memory, and only what does not fit
 * there is posted. Those messages are bare tuples, as an object with named fields costs three times as much to clone.
 */
import type { CallEnd, CallError, ChainedCall, RequestHead } from '../../proto/call.ts';
import type { CallArguments, StateAccess } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { BegunAttempt } from '../calls/begun-marks.ts';
import type { InitializedState } from '../faaslet/faaslet.ts';
import type { FaasletLimits } from '../faaslet/faaslet-budget.ts';
import type { Program } from '../faaslet/program.ts';
import type { CallLimits } from '../guest/call-context.ts';
import type { FileFeedEnd } from '../guest/files/file-feed.ts';
import type { GuestHost } from '../guest/port.ts';
import type { FileLimits } from '../guest/wasi/tree.ts';
import type { PlainEnd } from './plain-end.ts';

/** The most calls that one executor holds at once, running, suspended or posted: the size of its claim table. */
export const executorSlots = 16_384;

export interface ExecutorSettings {
  readonly name: string;
  /** As the main thread has it: images and segments are of one kind. */
  readonly memory: 'mapped' | 'copy';
  readonly control: SharedArrayBuffer;
  /** Calls to run: slot, program, depth, input. */
  readonly calls: SharedArrayBuffer;
  /** Plain ends: slot, microseconds, 0, output. */
  readonly ends: SharedArrayBuffer;
  readonly limits: CallLimits & Pick<GuestHost, 'moduleMaxBytes'>;
  /** Where neither a function nor a call of the API says. */
  readonly stateAccess: StateAccess;
  readonly fileLimits: FileLimits;
  /** Of a `FaasletTable`, and which row of it is this executor's. */
  readonly faaslets: SharedArrayBuffer;
  readonly row: number;
  readonly faasletLimits: FaasletLimits;
  readonly chainDepthMax: number;
  readonly files: FileFeedEnd;
  /** Of the disk: has the contents of shared files. */
  readonly contentFolder: string;
  /** Of the disk: what V8 made of the executor's own source, which is most of the work of a start. */
  readonly codeFolder: string;
  /** Of the disk: where to mark which asynchronous calls have begun. */
  readonly begunFolder: string;
  readonly config: readonly (readonly [string, string])[];
}

/** A call to run. The program is the number that it was announced with; what begins is to be marked. */
export type PostedCall = readonly [
  slot: number,
  program: number,
  input: Uint8Array,
  depth: number,
  given?: CallArguments | undefined,
  pointer?: number | undefined,
  request?: RequestHead | undefined,
  begins?: BegunAttempt | undefined,
];

export type ToExecutor =
  /** Before the first call of a program. */
  | { readonly type: 'program'; readonly number: number; readonly program: Program }
  /** The program with this number will not be asked for again. */
  | { readonly type: 'forget'; readonly number: number }
  | PostedCall
  /** Throw some idle Faaslets away: another executor has no room. */
  | { readonly type: 'evict' }
  /** Run a program's initialisation and give what it left. */
  | { readonly type: 'initialize'; readonly slot: number; readonly program: Program }
  /** Chained calls have ended. */
  | {
      readonly type: 'settled';
      readonly run: number;
      readonly handle: number;
      readonly result: CallEnd;
    }
  /** A chained call cannot be made: its caller fails. */
  | { readonly type: 'refused'; readonly run: number; readonly error: CallError }
  /** The call is over, whatever it is waiting for. */
  | { readonly type: 'cancel'; readonly slot: number }
  | { readonly type: 'answer'; readonly ask: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly ask: number; readonly error: CallError };

/** What is left to the executor itself. */
export type ExecutorOrder = Exclude<ToExecutor, PostedCall | { type: 'answer' | 'failure' }>;

export type FromExecutor =
  | {
      readonly type: 'ready';
      readonly memory: string;
      /** The kernel's number of the thread, where threads have priorities of their own. */
      readonly thread: number | undefined;
    }
  /** The program with this number is here: its calls need not come behind its announcement any more. */
  | { readonly type: 'added'; readonly number: number }
  /** The call has not begun: there is no room for it now. */
  | { readonly type: 'full'; readonly slot: number; readonly error: CallError }
  /** A program was forgotten. */
  | { readonly type: 'forgot' }
  /** There is no room for another Faaslet, and no idle one here. */
  | { readonly type: 'crowded' }
  | PlainEnd
  | { readonly type: 'ended'; readonly slot: number; readonly end: CallEnd }
  /** A run that is the posted call, or was chained by it here, waits for chained calls; these are to be made now. */
  | {
      readonly type: 'chain';
      readonly slot: number;
      readonly run: number;
      readonly depth: number;
      readonly calls: readonly ChainedCall[];
    }
  /** A call that the posted one chained has ended here. */
  | {
      readonly type: 'chained';
      readonly slot: number;
      readonly function: FunctionName;
      readonly durationMs: number;
      readonly outputBytes: number;
      readonly end: Omit<CallEnd, 'output'>;
    }
  /** A question of a guest to a service of the host. */
  | {
      readonly type: 'ask';
      readonly ask: number;
      readonly service: string;
      readonly op: string;
      readonly user: UserName;
      readonly body: unknown;
    }
  /** The answer to `initialize`: neither field when the module cannot be snapshotted. */
  | {
      readonly type: 'initialized';
      readonly slot: number;
      readonly state: InitializedState | undefined;
      readonly error: CallError | undefined;
    };
