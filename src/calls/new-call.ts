import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { toCallId, toFunctionName, toUserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { type BusMessage, header, toBytes } from '../bus/port.ts';
import { readCallArguments } from '../bus/settings-headers.ts';
import { type CallsPorts, nowMs } from './context.ts';
import { parseDurationMs } from './duration.ts';
import { toFingerprint } from './fingerprint.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import { showPlace, toPlace } from './place.ts';
import type { NewCall } from './queue-port.ts';
import { readRequestHead } from './request-head.ts';

/** The call that a message of `async` asks for. @throws FaasmError `bad_name`, `bad_request`, `too_large` */
export function toNewCall(ports: CallsPorts, message: BusMessage): NewCall {
  const { config, newCallId } = ports;
  const [userToken = '', fn = ''] = tokensAfter(message.subject, 1);
  const user = toUserName(userToken);
  const input = toBytes(message.body);
  if (input.length > config.inputMaxBytes) {
    const why = `The input has ${input.length} bytes and may have ${config.inputMaxBytes}; put it into state`;
    throw new FaasmError('too_large', why);
  }
  const id = header(message, names.callId);
  const dedupeKey = readIdempotencyKey(message) ?? null;
  const request = header(message, names.request);
  const timeout = header(message, names.timeout);
  const timeoutMs = timeout === undefined ? config.callTimeoutMs : parseDurationMs(timeout, names.timeout);
  return {
    id: id === undefined ? newCallId(user) : toCallId(id, user),
    user,
    function: toFunctionName(fn),
    input,
    createdAtMs: nowMs(ports),
    timeoutMs: Math.min(timeoutMs, config.callTimeoutMs),
    dedupeKey,
    fingerprint: dedupeKey === null ? null : toFingerprint(message),
    request: request === undefined ? null : readRequestHead(request),
    traceparent: header(message, names.traceparent) ?? null,
    given: readCallArguments(message.headers) ?? null,
    inputPlace: toPlaceText(header(message, names.input)),
    outputPlace: toPlaceText(header(message, names.output)),
  };
}

function toPlaceText(text: string | undefined): string | null {
  return text === undefined ? null : showPlace(toPlace(text));
}
