import type { CallStatus } from '../../proto/messages.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { emptyBody } from '../bus/port.ts';
import type { CallsContext } from './context.ts';
import type { Enqueued, NewCall } from './queue-port.ts';
import { step } from './step.ts';

/** Resolves when the call is durable; one with the key of another is that one. @throws FaasmError why it is not taken */
export async function submit(context: CallsContext, call: NewCall): Promise<CallStatus> {
  const { bus, subjects, queue } = context;
  const { id, user, function: fn, dedupeKey } = call;
  expectAnswer(await bus.request(subjects.functions('describe', user, fn), emptyBody));
  try {
    step(context, { type: 'arrived', user });
  } catch (refused) {
    const known = dedupeKey === null ? undefined : await queue.find(call);
    if (known === undefined) throw refused;
    return known;
  }
  let enqueued: Enqueued;
  try {
    enqueued = await queue.enqueue(call);
  } catch (error) {
    step(context, { type: 'notQueued', user });
    throw error;
  }
  step(context, enqueued.isNew ? { type: 'queued', id, user } : { type: 'notQueued', user });
  return enqueued.status;
}
