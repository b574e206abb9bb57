/** How the worker pool's messages look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import type { CallEvent } from '../../proto/messages.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';
import type { InitializedState } from '../faaslet/faaslet.ts';

export const callEventsCodec: Codec<readonly CallEvent[]> = msgpackCodec('event.calls', (value) => {
  if (Array.isArray(value) && value.every(isCallEvent)) return value;
  throw new FaasmError('bad_message', 'a list is wanted, of which each has an id and a duration');
});

function isCallEvent(value: unknown): value is CallEvent {
  return typeof value === 'object' && value !== null && 'id' in value && 'durationMs' in value;
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
