/** An invoke message: the body is the input as it is, and the headers say what else a client may say of its call. */
import type { Call } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import {
  type CallId,
  quote,
  toCallId,
  toFunctionName,
  toUserName,
  type UserName,
} from '../../proto/names.ts';
import { type BusMessage, type Headers, header, toBytes } from '../bus/port.ts';
import { readCallArguments } from '../bus/settings-headers.ts';
import { parseDurationMs } from './duration.ts';
import { type Place, toPlace } from './place.ts';
import { readRequestHead } from './request-head.ts';

export interface InvocationDefaults {
  readonly nowMs: number;
  /** The longest that a call may take. */
  readonly timeoutMs: number;
  newCallId(user: UserName): CallId;
}

/** @param subject of form `<prefix>.invoke.<user>.<function>` @throws FaasmError `bad_name`, `bad_request` */
export function toCall(message: BusMessage, defaults: InvocationDefaults): Call {
  const functionAt = message.subject.lastIndexOf('.');
  const userAt = message.subject.lastIndexOf('.', functionAt - 1);
  const user = toUserName(message.subject.slice(userAt + 1, functionAt));
  const name = toFunctionName(message.subject.slice(functionAt + 1));
  const input = toBytes(message.body);
  const latestMs = defaults.nowMs + defaults.timeoutMs;
  if (message.headers === undefined) {
    const id = defaults.newCallId(user);
    return { id, user, function: name, input, rootId: id, depth: 0, deadlineMs: latestMs };
  }
  const givenId = header(message, names.callId);
  const traceparent = header(message, names.traceparent);
  const given = readCallArguments(message.headers);
  const request = header(message, names.request);
  const id = givenId === undefined ? defaults.newCallId(user) : toCallId(givenId, user);
  return {
    id,
    user,
    function: name,
    input,
    rootId: id,
    depth: 0,
    deadlineMs: Math.min(latestMs, deadline(message, defaults.nowMs) ?? latestMs),
    ...(traceparent !== undefined && { traceparent }),
    ...(given !== undefined && { given }),
    ...(request !== undefined && { request: readRequestHead(request) }),
  };
}

export interface Places {
  readonly input: Exclude<Place, { kind: 'inline' }> | undefined;
  readonly output: Exclude<Place, { kind: 'inline' }> | undefined;
}

/** Where the input of a call is and its output goes; nothing where both are along with it. @throws FaasmError `bad_request` */
export function readPlaces(headers: Headers): Places | undefined {
  return toPlaces(headers[names.input]?.[0], headers[names.output]?.[0]);
}

/** The same of two texts. @throws FaasmError `bad_request` */
export function toPlaces(input: string | undefined, output: string | undefined): Places | undefined {
  if (input === undefined && output === undefined) return undefined;
  return { input: toElsewhere(input), output: toElsewhere(output) };
}

function toElsewhere(text: string | undefined): Places['input'] {
  const place = text === undefined ? undefined : toPlace(text);
  return place?.kind === 'inline' ? undefined : place;
}

function deadline(message: BusMessage, nowMs: number): number | undefined {
  const timeout = header(message, names.timeout);
  if (timeout !== undefined) return nowMs + parseDurationMs(timeout, names.timeout);
  return toNumber(header(message, names.deadline), names.deadline);
}

function toNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new FaasmError('bad_request', `${name} is a whole number, not ${quote(text)}`);
}
