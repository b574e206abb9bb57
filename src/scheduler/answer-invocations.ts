/** Makes a call of each message that invokes a function, runs it, and answers with what it put out. */
import type { Call, CallResult } from '../../proto/call.ts';
import { headers as names } from '../../proto/headers.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import { type Bus, type BusMessage, type Headers, respond } from '../bus/port.ts';
import { toResponseHeaders } from '../bus/response-headers.ts';
import { toFingerprint } from '../calls/fingerprint.ts';
import { readIdempotencyKey } from '../calls/idempotency-key.ts';
import { type Places, readPlaces, toCall } from '../calls/invocation.ts';
import { showPlace } from '../calls/place.ts';
import type { Clock } from '../power/port.ts';
import { KeyedCalls, type KeyedLimits } from './keyed-calls.ts';
import { runOnce } from './run-once.ts';

export interface InvocationOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly callTimeoutMs: number;
  /** Of calls with an idempotency key. */
  readonly keyed: KeyedLimits;
  newCallId(user: UserName): CallId;
  /** @throws what it fails with */
  run(call: Call, places: Places | undefined): Promise<CallResult>;
}

/** @returns what answers a message, or throws what the call fails with */
export function answerInvocations({
  clock,
  bus,
  callTimeoutMs: timeoutMs,
  keyed: limits,
  newCallId,
  run,
}: InvocationOptions): (message: BusMessage) => Promise<void> {
  const keyed = new KeyedCalls(limits);

  async function invoke(message: BusMessage, call: Call, places: Places | undefined): Promise<void> {
    const result = await run(call, places);
    // Who sends no headers reads none: over NATS they are the dearest part of a small answer.
    const isPlain = message.headers === undefined && result.returnValue === 0;
    const headers = isPlain ? undefined : toAnswerHeaders(call, result, places);
    respond(bus, message, result.output, headers);
  }

  return (message) => {
    const call = toCall(message, { nowMs: clock.steadyMs(), timeoutMs, newCallId });
    const places = message.headers && readPlaces(message.headers);
    const key = readIdempotencyKey(message);
    if (key === undefined) return invoke(message, call, places);
    const { user, function: name } = call;
    const keyedCall = { user, function: name, key, fingerprint: toFingerprint(message) };
    return runOnce({ clock, bus, keyed, call: keyedCall, message }, (asked) => invoke(asked, call, places));
  };
}

function toAnswerHeaders(
  { id, traceparent }: Call,
  { returnValue, response }: CallResult,
  places: Places | undefined,
): Headers {
  return {
    [names.callId]: [id],
    ...(traceparent !== undefined && { [names.traceparent]: [traceparent] }),
    ...(returnValue !== 0 && { [names.returnValue]: [String(returnValue)] }),
    ...(response && toResponseHeaders(response)),
    ...(places?.output && { [names.output]: [showPlace(places.output)] }),
  };
}
