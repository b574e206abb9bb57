/** How what is known of an asynchronous call looks on the bus. */
import { FaasmError, isErrorCode } from '../../proto/errors.ts';
import { type CallStatus, callStates } from '../../proto/messages.ts';
import { type CallId, toCallId, toFunctionName, toUserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { BusMessage } from '../bus/port.ts';

/** Answers `async`, `calls.status` and `calls.cancel`. */
export const callStatusCodec = msgpackCodec<CallStatus>('call status', (value) => {
  if (typeof value !== 'object' || value === null) throw wanted('a map');
  const found = value as Record<string, unknown>;
  const state = callStates.find((known) => known === found.state);
  if (state === undefined) throw wanted(`a state of ${callStates.join(', ')}`);
  const user = toUserName(String(found.user));
  return {
    id: toCallId(String(found.id), user),
    user,
    function: toFunctionName(String(found.function)),
    state,
    attempts: toNumber(found.attempts, 'attempts'),
    createdAtMs: toNumber(found.createdAtMs, 'createdAtMs'),
    startedAtMs: toNumberOrNull(found.startedAtMs, 'startedAtMs'),
    endedAtMs: toNumberOrNull(found.endedAtMs, 'endedAtMs'),
    returnValue: toNumberOrNull(found.returnValue, 'returnValue'),
    error: toError(found.error),
    traceparent: typeof found.traceparent === 'string' ? found.traceparent : null,
  };
});

/** @throws FaasmError `bad_name` */
export function readCallId({ subject }: BusMessage): CallId {
  const [, user = '', id = ''] = tokensAfter(subject, 1);
  return toCallId(id, toUserName(user));
}

/** @throws FaasmError `not_found` */
export function foundCall<T>(value: T | undefined, id: CallId): T {
  if (value !== undefined) return value;
  throw new FaasmError('not_found', `No call ${id}: it never was, or its result has expired`, {
    details: { component: 'calls' },
  });
}

function toError(value: unknown): CallStatus['error'] {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') throw wanted('an error is a map');
  const { code, message, details } = value as Record<string, unknown>;
  if (typeof code !== 'string' || !isErrorCode(code)) throw wanted('a known error code');
  return {
    code,
    message: String(message),
    details: typeof details === 'object' && details !== null ? details : {},
  };
}

function toNumberOrNull(value: unknown, name: string): number | null {
  return value === null || value === undefined ? null : toNumber(value, name);
}

function toNumber(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw wanted(`${name} is a number`);
}

function wanted(what: string): FaasmError {
  return new FaasmError('bad_message', `${what} is wanted`);
}
