/** How the worker pool's messages look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import type { CallEvent } from '../../proto/messages.ts';
import { jsonLinesCodec } from '../bus/json.ts';
import type { Codec } from '../bus/port.ts';
import { createTopic, createValueCodec } from '../bus/private.ts';
import type { InitializedState, Program } from '../faaslet/program.ts';

/** Whoever shows an event cuts its texts and looks at its numbers. */
export const callEventsCodec: Codec<readonly CallEvent[]> = jsonLinesCodec('event.calls', (value) => {
  if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string') {
    return value as CallEvent;
  }
  throw new FaasmError('bad_message', 'an object with an id is wanted');
});

export interface InitializeRequest {
  readonly program: Program;
  /** Unix milliseconds. */
  readonly deadlineMs: number;
}

/** Answered with what the initialisation left, or nothing where it cannot be snapshotted. */
export const initializeTopic = createTopic<InitializeRequest, InitializedState | undefined>('initialize');

/** Told on `executor.gone`: whatever this owner holds is free. */
export const executorGoneCodec = createValueCodec<{ readonly owner: string }>('executor.gone');
