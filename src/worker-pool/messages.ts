/** How the worker pool's messages look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import type { CallEvent } from '../../proto/messages.ts';
import { jsonLinesCodec } from '../bus/json.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';
import type { InitializedState } from '../faaslet/faaslet.ts';

/** Whoever shows an event cuts its texts and looks at its numbers. */
export const callEventsCodec: Codec<readonly CallEvent[]> = jsonLinesCodec('event.calls', (value) => {
  if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string') {
    return value as CallEvent;
  }
  throw new FaasmError('bad_message', 'an object with an id is wanted');
});

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

/** Published on `executor.gone`: whatever this owner holds is free. */
export const executorGoneCodec: Codec<{ readonly owner: string }> = msgpackCodec('executor.gone', (value) => {
  if (typeof value === 'object' && value !== null && 'owner' in value) return { owner: String(value.owner) };
  throw new FaasmError('bad_message', 'an owner is wanted');
});
