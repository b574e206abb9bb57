/**
 * The durable queue of asynchronous calls and their results.
 *
 *     enqueue ──▶ queued ──claim──▶ running ──finish──▶ succeeded | failed | dead ──sweep──▶ gone
 *                   ▲  └──cancel──┐   │ │
 *                   └────retry────┼───┘ └──cancel──▶ cancelled ──sweep──▶ gone
 *                                 └─────────────────▶ cancelled
 *
 * A promise of a change resolves when the change is durable. Changes take effect in the order in which they were
 * asked for. After a crash what was running is still `running`: `recover` queues it again.
 */
import type { CallError, RequestHead } from '../../proto/call.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import type { CallStatus } from '../../proto/messages.ts';
import type { CallId, FunctionName, UserName } from '../../proto/names.ts';
import type { BegunAttempt } from './begun-marks.ts';

export interface NewCall {
  readonly id: CallId;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  readonly createdAtMs: number;
  /** How long each attempt may take. */
  readonly timeoutMs: number;
  /** A call with the key of another one, of the same function, is that one, if it has the same fingerprint too. */
  readonly dedupeKey: string | null;
  readonly fingerprint: string | null;
  /** W3C trace context. */
  readonly traceparent: string | null;
  readonly given: CallArguments | null;
  /** For a CGI program. */
  readonly request: RequestHead | null;
  /** In words, where they are not along with the call. */
  readonly inputPlace: string | null;
  readonly outputPlace: string | null;
}

export type KeyOfCall = Pick<NewCall, 'user' | 'function' | 'dedupeKey' | 'fingerprint'>;

export interface Enqueued {
  readonly status: CallStatus;
  /** False: it was there already. */
  readonly isNew: boolean;
}

/** An attempt at a call, which is about to begin. */
export interface Attempt {
  readonly id: CallId;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  readonly traceparent: string | null;
  readonly given: CallArguments | null;
  readonly request: RequestHead | null;
  /** In words, where they are not along with the call. */
  readonly inputPlace: string | null;
  readonly outputPlace: string | null;
  /** This one included. */
  readonly attempts: number;
}

/** A call that has not ended. */
export interface PendingCall {
  readonly id: CallId;
  readonly user: UserName;
  /** So many have begun. */
  readonly attempts: number;
  /** It is not to be tried earlier. */
  readonly notBeforeMs: number;
}

/** What is kept of how a call ended. */
export interface KeptEnd {
  readonly state: 'succeeded' | 'failed' | 'cancelled' | 'dead';
  readonly output: Uint8Array;
  readonly returnValue: number | null;
  readonly error: CallError | null;
  readonly endedAtMs: number;
}

export interface CallOutput {
  readonly status: CallStatus;
  /** The range that was asked for, cut off at the end. */
  readonly bytes: Uint8Array;
  /** Of the whole output. */
  readonly sizeBytes: number;
}

/** Every method may throw FaasmError `storage_unavailable`. */
export interface CallQueue {
  /** @throws FaasmError `conflict` when another function's call has the id, `idempotency_key_reused` */
  enqueue(call: NewCall): Promise<Enqueued>;
  /** The call that has its key. @throws FaasmError `idempotency_key_reused` */
  find(call: KeyOfCall): Promise<CallStatus | undefined>;
  /** Begins an attempt; nothing when the call has ended or is gone. */
  claim(id: CallId, nowMs: number): Promise<Attempt | undefined>;
  /** Keeps the result, unless the call has ended before. */
  finish(id: CallId, end: KeptEnd): Promise<void>;
  /** The attempt failed and another one is to be made, unless the call has ended before. */
  retry(id: CallId, error: CallError, notBeforeMs: number): Promise<void>;
  /** Ends a call that has not ended. @returns what it is then; nothing for an unknown id */
  cancel(id: CallId, nowMs: number): Promise<CallStatus | undefined>;
  status(id: CallId): Promise<CallStatus | undefined>;
  output(id: CallId, offset: number, length: number): Promise<CallOutput | undefined>;
  /** Forgets up to so many calls that ended before. @returns how many */
  sweep(endedBeforeMs: number, limit: number): Promise<number>;
  /**
   * All calls that have not ended, oldest first, none of them running any more: an attempt that was under way counts
   * where it is one of those that had begun.
   */
  recover(begun: readonly BegunAttempt[]): Promise<readonly PendingCall[]>;
  /** Gives back to this host's disk what is not used. */
  shrink(): Promise<void>;
  close(): Promise<void>;
}
