/**
 * What is said to the state actor and by it: with `stateCodecs` on the bus, and inside the host, as `TierAsks`, by the
 * local tiers of executors: every value of those can be posted to a thread.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateDescription, StateStatus } from '../../../proto/messages.ts';
import { fromStateToken, type StateKey } from '../../../proto/names.ts';
import type { StateOp } from '../../../proto/public-subjects.ts';
import { msgpackCodec } from '../../bus/msgpack.ts';
import type { Codec } from '../../bus/port.ts';
import { createValueCodec } from '../../bus/private.ts';
import type { LockMode } from '../core/locks.ts';
import type { Segment } from './segment.ts';
import type { WritePlace } from './write-place.ts';

/** Asks for the shared memory of a value. Only an executor of this host can use the answer. */
export interface OpenRequest {
  /** The executor, by the name that `executor.gone` will call it. */
  readonly owner: string;
  /** `extend` makes the value where there is none, and fills it with zeros up to `totalBytes`. */
  readonly mode: 'read' | 'extend';
  readonly totalBytes: number;
  /** The memory has room for so many bytes at least, the value itself need not have them. */
  readonly roomBytes: number;
  /** Look whether the global tier has a newer version. */
  readonly fresh: boolean;
}

/** Asks for memory that has room for so many bytes; the value itself stays as it is. */
export interface ResizeRequest {
  readonly owner: string;
  readonly roomBytes: number;
}

/** Answers `open` and `resize`. */
export interface OpenAnswer {
  /** Nothing: there is no value. */
  readonly segment: Segment | undefined;
  /** The executor's number, for the mutex of segments. */
  readonly mutexOwner: number;
  /** No other host writes: what is in memory is the newest. */
  readonly exclusive: boolean;
  /** A value is written once. */
  readonly immutable: boolean;
  /** It is not brought into memory for this: `read` and `write` do it. */
  readonly direct: boolean;
}

export interface PushRequest {
  /** Answer when it is durable; otherwise at once, and it is pushed soon. */
  readonly wait: boolean;
}

/** A range of a value that is not brought into memory. */
export interface ReadRequest {
  readonly offset: number;
  readonly length: number;
}

export interface ReadAnswer {
  readonly sizeBytes: number;
  /** Cut off at the end of the value. */
  readonly bytes: Uint8Array;
}

/** A write of an executor of this host that is to be durable. */
export interface WriteRequest {
  readonly place: WritePlace;
  readonly bytes: Uint8Array;
  /** Of the lock that the call has on the value. */
  readonly fence: number | undefined;
}

export interface LockOptions {
  readonly owner: string;
  readonly mode: LockMode;
  /** Until when it is held without being renewed; 0: until its owner is gone. */
  readonly leaseMs: number;
  /** 0: not at all. */
  readonly waitMs: number;
}

export interface LockGrant {
  /** Grows with every grant; renewing keeps it. */
  readonly fence: number;
  /** Unix milliseconds; null: it does not end by itself. */
  readonly leaseEndsAtMs: number | null;
}

export interface UnlockRequest {
  readonly owner: string;
}

export interface ListRequest {
  /** Only keys after this one. */
  readonly after?: StateKey;
  /** 1 to 500. */
  readonly limit: number;
}

/** So many of the longest keys are within what a message may have. */
export const listMax = 500;

const bytesCodec: Codec<Uint8Array> = { name: 'bytes', encode: (bytes) => bytes, decode: (bytes) => bytes };

const doneCodec = msgpackCodec<null>('done', () => null);

const listBodyCodec = msgpackCodec<ListRequest>('state.list', (value) => {
  const after = field(value, 'after');
  const limit = toCount(value, 'limit');
  if (limit < 1 || limit > listMax) throw wanted(`limit is 1 to ${listMax}`);
  if (after === undefined || after === null) return { limit };
  if (typeof after !== 'string') throw wanted('after is a key');
  return { after: fromStateToken(after), limit };
});

export const stateStatusCodec = createValueCodec<StateStatus>('state status');

/** An empty body asks for the first page. */
const listCodec: Codec<ListRequest> = {
  ...listBodyCodec,
  decode: (bytes) => (bytes.length === 0 ? { limit: listMax } : listBodyCodec.decode(bytes)),
};

export const stateDescriptionCodec = msgpackCodec<StateDescription>('state description', toDescription);

export const stateListCodec = msgpackCodec<readonly StateDescription[]>('state list', (value) => {
  if (!Array.isArray(value)) throw wanted('a list');
  return value.map(toDescription);
});

/** For each op, the codec of what is asked and of what is answered. */
export const stateCodecs = {
  get: { request: bytesCodec, answer: bytesCodec },
  set: { request: bytesCodec, answer: stateDescriptionCodec },
  append: { request: bytesCodec, answer: stateDescriptionCodec },
  delete: { request: bytesCodec, answer: doneCodec },
  size: { request: bytesCodec, answer: stateDescriptionCodec },
  list: { request: listCodec, answer: stateListCodec },
  // biome-ignore lint/suspicious/noExplicitAny: each op has its own types
} as const satisfies Record<StateOp, { request: Codec<any>; answer: Codec<any> }>;

/** What the local tiers of executors ask of the state actor, and what they are answered. */
export interface TierAsks {
  readonly open: { ask: OpenRequest; answer: OpenAnswer };
  readonly resize: { ask: ResizeRequest; answer: OpenAnswer };
  readonly read: { ask: ReadRequest; answer: ReadAnswer };
  readonly write: { ask: WriteRequest; answer: null };
  readonly push: { ask: PushRequest; answer: null };
  readonly lock: { ask: LockOptions; answer: LockGrant };
  readonly unlock: { ask: UnlockRequest; answer: null };
}

export type TierOp = keyof TierAsks;

/** Of one value. */
export interface TierAsk {
  readonly key: StateKey;
  /** Of the operation. */
  readonly value: unknown;
}

function toDescription(value: unknown): StateDescription {
  const key = field(value, 'key');
  if (typeof key !== 'string') throw wanted('key is a text');
  return {
    key: fromStateToken(key),
    sizeBytes: toCount(value, 'sizeBytes'),
    version: toCount(value, 'version'),
  };
}

function toCount(value: unknown, name: string): number {
  const count = field(value, name);
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw wanted(`${name} is a whole number`);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) throw wanted('a map');
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function wanted(what: string): FaasmError {
  return new FaasmError('bad_message', `${what} is wanted`);
}
