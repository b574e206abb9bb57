/**
 * What an executor thread and its handle say to each other. Everything here can be posted to a thread.
 *
 * Small calls and their plain ends are most of it: they go through rings in shared memory, and only what does not fit
 * there is posted. Those messages are bare tuples, as an object with named fields costs three times as much to clone.
 */
import type { CallEnd, CallError, RequestHead } from '../../proto/call.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import type { BegunAttempt } from '../calls/begun-marks.ts';
import type { Program } from '../faaslet/program.ts';
import type { AsksEnd } from './asks.ts';
import type { PlainEnd } from './plain-end.ts';
import type { ExecutorSettings, Initialized, RanBeside, WantedChains } from './port.ts';

/** What one thread begins with. */
export interface ThreadData extends ExecutorSettings {
  /** As which it asks, and has locks. */
  readonly owner: string;
  /** Of CallSlots. */
  readonly control: SharedArrayBuffer;
  /** Calls to run: slot, program, depth, input. */
  readonly calls: SharedArrayBuffer;
  /** Plain ends: slot, microseconds, 0, output. */
  readonly ends: SharedArrayBuffer;
  /** Of a FaasletTable, and which row of it is this executor's. */
  readonly faaslets: SharedArrayBuffer;
  readonly row: number;
  readonly asks: AsksEnd;
  /** Of FileRevisions. */
  readonly fileRevisions: SharedArrayBuffer;
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
  /** A chained call has ended. */
  | {
      readonly type: 'settled';
      readonly run: number;
      readonly handle: number;
      readonly end: CallEnd;
    }
  /** Chained calls cannot be made: who waits for them fails. */
  | { readonly type: 'refused'; readonly run: number; readonly error: CallError }
  /** The call is over, whatever it is waiting for. */
  | { readonly type: 'cancel'; readonly slot: number };

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
  | ({ readonly type: 'initialized'; readonly slot: number } & Initialized)
  | ({ readonly type: 'chain'; readonly slot: number } & WantedChains)
  | ({ readonly type: 'chained'; readonly slot: number } & RanBeside);
