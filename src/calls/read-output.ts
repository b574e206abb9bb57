import { fromCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { CallId } from '../../proto/names.ts';
import type { Headers } from '../bus/port.ts';
import type { FoundPart, Part } from '../bus/resource-headers.ts';
import type { CallsPorts } from './context.ts';
import { foundCall } from './queue-messages.ts';

/** @throws FaasmError `not_found`, `conflict` before it has ended, and what it ended with where it put out nothing */
export async function readOutput(
  { queue }: CallsPorts,
  id: CallId,
  { offset, length }: Part,
): Promise<{ readonly part: FoundPart; readonly headers: Headers }> {
  const { status, bytes, sizeBytes } = foundCall(await queue.output(id, offset, length), id);
  const { state, endedAtMs, returnValue, error } = status;
  if (endedAtMs === null)
    throw new FaasmError('conflict', `Call ${id} is ${state}; its output is there when it has ended`);
  // What a failed call had put out is its output.
  if (error !== null && sizeBytes === 0) throw fromCallError(error);
  if (state === 'cancelled') throw new FaasmError('cancelled', `Call ${id} was cancelled`);
  return {
    part: { what: `The output of call ${id}`, bytes, sizeBytes },
    headers: {
      [names.callId]: [id],
      [names.returnValue]: [String(returnValue ?? 0)],
      ...(error !== null && { [names.errorCode]: [error.code] }),
    },
  };
}
