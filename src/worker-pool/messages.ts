/** How the worker pool's messages look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import type { CallEvent } from '../../proto/messages.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';
import type { InitializedState } from '../faaslet/faaslet.ts';

/** Their names on every event would be most of what is sent. */
const callEventFields = [
  'id',
  'parentId',
  'user',
  'function',
  'host',
  'endedAtMs',
  'durationMs',
  'outputBytes',
  'returnValue',
  'error',
  'stderr',
] as const satisfies readonly (keyof CallEvent)[];

const callEventTuples = msgpackCodec<unknown[][]>('event.calls', (value) => {
  if (Array.isArray(value) && value.every(isCallEventTuple)) return value;
  throw new FaasmError('bad_message', 'a list is wanted, of lists that begin with an id');
});

/** On the wire each event is a list of its fields. */
export const callEventsCodec: Codec<readonly CallEvent[]> = {
  name: callEventTuples.name,
  encode: (events) =>
    callEventTuples.encode(events.map((event) => callEventFields.map((field) => event[field]))),
  decode: (bytes) => callEventTuples.decode(bytes).map(toCallEvent),
};

function isCallEventTuple(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length >= callEventFields.length && typeof value[0] === 'string';
}

function toCallEvent(tuple: readonly unknown[]): CallEvent {
  return Object.fromEntries(callEventFields.map((field, at) => [field, tuple[at]])) as unknown as CallEvent;
}

/** What a program's initialisation left, or nothing when it cannot be snapshotted; stays inside its host. */
export const initializedCodec: Codec<InitializedState | undefined> = {
  name: 'initialized',
  encode() {
    throw new FaasmError('bad_request', 'A snapshot is only handed over inside its host');
  },
  decode() {
    throw new FaasmError('bad_message', 'A snapshot is only handed over inside its host');
  },
};

/** Published on `event.executor.gone`: whatever this owner holds is free. */
export const executorGoneCodec: Codec<{ readonly owner: string }> = msgpackCodec(
  'event.executor.gone',
  (value) => {
    if (typeof value === 'object' && value !== null && 'owner' in value)
      return { owner: String(value.owner) };
    throw new FaasmError('bad_message', 'an owner is wanted');
  },
);
