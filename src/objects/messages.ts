/** What is said to the objects actor and by it. */
import { FaasmError } from '../../proto/errors.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';

/** Which object; without a key a bucket, without either all buckets of the user. */
export interface ObjectRequest {
  readonly bucket: string;
  readonly key: string;
  /** Of `put`. */
  readonly bytes: Uint8Array;
}

export interface ObjectAnswer {
  /** Of `list`: the buckets, or the keys of one. */
  readonly names: readonly string[];
  /** Of `get`. */
  readonly bytes: Uint8Array;
}

export const objectRequestCodec: Codec<ObjectRequest> = msgpackCodec('objects request', (value) => {
  const { bucket, key, bytes } = record(value);
  return { bucket: toText(bucket), key: toText(key), bytes: toBytes(bytes) };
});

export const objectAnswerCodec: Codec<ObjectAnswer> = msgpackCodec('objects answer', (value) => {
  const { names, bytes } = record(value);
  if (!Array.isArray(names)) throw wanted('names is a list');
  return { names: names.map(toText), bytes: toBytes(bytes) };
});

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw wanted('a map');
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw wanted('a text');
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw wanted('bytes');
}

function wanted(what: string): FaasmError {
  return new FaasmError('bad_message', `${what} is wanted`);
}
