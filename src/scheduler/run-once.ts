/** A call with an idempotency key is run, unless it was before: then it is answered as that one. */
import { FaasmError } from '../../proto/errors.ts';
import { type Body, type Bus, type BusMessage, type Headers, respond, toBytes } from '../bus/port.ts';
import { toErrorHeaders } from '../bus/to-error-headers.ts';
import type { Clock } from '../power/port.ts';
import type { Answer, KeyedCall, KeyedCalls } from './keyed-calls.ts';

/** @throws FaasmError what the call fails with, as `run` does, `idempotency_key_reused`, `too_many_requests` */
export async function runOnce(
  {
    clock,
    bus,
    keyed,
    call,
    message,
  }: {
    readonly clock: Clock;
    readonly bus: Bus;
    readonly keyed: KeyedCalls;
    readonly call: KeyedCall;
    readonly message: BusMessage;
  },
  run: (message: BusMessage) => Promise<void>,
): Promise<void> {
  for (;;) {
    const before = keyed.begin(call, clock.monotonicMs());
    if (before === undefined) break;
    const answer = await before;
    if (answer !== undefined) return respond(bus, message, answer.body, answer.headers);
  }
  const answered = Promise.withResolvers<Answer>();
  const answer = (body: Body, headers: Headers | undefined): void =>
    answered.resolve({ body: toBytes(body), headers });
  try {
    await run({ ...message, answer });
    const { body, headers } = await answered.promise;
    keyed.end(call, { body, headers }, clock.monotonicMs());
    respond(bus, message, body, headers);
  } catch (thrown) {
    const error = FaasmError.from(thrown);
    keyed.end(call, hasRun(error) ? toAnswer(error) : undefined, clock.monotonicMs());
    throw error;
  }
}

/** It did what it did, and would again; all else may go well at another time. */
function hasRun({ http, retry }: FaasmError): boolean {
  return http >= 500 && !retry;
}

function toAnswer(error: FaasmError): Answer {
  return { body: error.output ?? new Uint8Array(0), headers: toErrorHeaders(error) };
}
