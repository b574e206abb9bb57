import { type Call, type CallError, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { emptyBody } from '../bus/port.ts';
import { askInside } from '../bus/private.ts';
import { admitTopic } from '../scheduler/messages.ts';
import { type CallsPorts, nowMs } from './context.ts';
import { toPlaces } from './invocation.ts';
import type { Attempt, KeptEnd } from './queue-port.ts';

/** What an attempt gave. */
export type AttemptResult = Pick<KeptEnd, 'output' | 'returnValue'> & {
  readonly error: CallError | undefined;
};

/** Who runs the call says that it is late; so long after, it is taken to be lost. */
const answerMarginMs = 5000;

export async function runAttempt(ports: CallsPorts, attempt: Attempt): Promise<AttemptResult> {
  const { id, user, function: fn, input, timeoutMs, attempts, traceparent, given, request } = attempt;
  const call: Call = {
    id,
    user,
    function: fn,
    input,
    rootId: id,
    depth: 0,
    deadlineMs: nowMs(ports) + timeoutMs,
    attempt: attempts,
    ...(traceparent !== null && { traceparent }),
    ...(given !== null && { given }),
    ...(request !== null && { request }),
  };
  try {
    const places = toPlaces(attempt.inputPlace ?? undefined, attempt.outputPlace ?? undefined);
    const { output, returnValue } = await askInside(
      ports.privateBus,
      privateSubjects.admit(),
      admitTopic,
      { call, places },
      timeoutMs + answerMarginMs,
    );
    return { output, returnValue, error: undefined };
  } catch (thrown) {
    return toFailure(thrown);
  }
}

export function toFailure(thrown: unknown): AttemptResult {
  const error = FaasmError.from(thrown);
  const { output = emptyBody, details } = error;
  return { output, returnValue: details.returnValue ?? null, error: toCallError(error) };
}
