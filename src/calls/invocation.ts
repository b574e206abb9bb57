/** An invoke message: the body is the input as it is, and the headers say the rest. */
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
  const parentId = header(message, names.parentId);
  const rootId = header(message, names.rootId);
  const traceparent = header(message, names.traceparent);
  const given = readCallArguments(message.headers);
  const request = header(message, names.request);
  const id = givenId === undefined ? defaults.newCallId(user) : toCallId(givenId, user);
  const depth = toNumber(header(message, names.depth), names.depth) ?? 0;
  const treeCalls = toNumber(header(message, names.treeCalls), names.treeCalls);
  const attempt = toNumber(header(message, names.attempt), names.attempt);
  return {
    id,
    user,
    function: name,
    input,
    rootId: rootId === undefined ? id : toCallId(rootId, user),
    depth,
    deadlineMs: Math.min(latestMs, deadline(message, defaults.nowMs) ?? latestMs),
    ...(parentId !== undefined && { parentId: toCallId(parentId, user) }),
    ...(treeCalls !== undefined && { treeCalls }),
    ...(traceparent !== undefined && { traceparent }),
    ...(given !== undefined && { given }),
    ...(request !== undefined && { request: readRequestHead(request) }),
    ...(attempt !== undefined && { attempt }),
    ...toPointer(header(message, names.pointer), depth),
  };
}

export interface Places {
  readonly input: Exclude<Place, { kind: 'inline' }> | undefined;
  readonly output: Exclude<Place, { kind: 'inline' }> | undefined;
}

/** Where the input of a call is and its output goes; nothing where both are along with it. @throws FaasmError `bad_request` */
export function readPlaces(headers: Headers): Places | undefined {
  const [input] = headers[names.input] ?? [];
  const [output] = headers[names.output] ?? [];
  if (input === undefined && output === undefined) return undefined;
  return { input: toElsewhere(input), output: toElsewhere(output) };
}

function toElsewhere(text: string | undefined): Places['input'] {
  const place = text === undefined ? undefined : toPlace(text);
  return place?.kind === 'inline' ? undefined : place;
}

const pointerPattern = /^(\d{1,10})@([0-9a-f]{64})$/;

function toPointer(text: string | undefined, depth: number): Pick<Call, 'pointer' | 'version'> {
  if (text === undefined) return {};
  const [, index, version] = pointerPattern.exec(text) ?? [];
  if (depth > 0 && index !== undefined && version !== undefined) return { pointer: Number(index), version };
  throw new FaasmError(
    'bad_request',
    `${names.pointer} is of a chained call, and <table index>@<version>, not ${quote(text)}`,
  );
}

/** The headers with which a call chains another; one that it waits for ends when it does, at the latest. */
export function toChainHeaders(
  parent: Call,
  id: CallId,
  awaited: boolean,
  pointer?: { readonly index: number; readonly version: string },
): Headers {
  return {
    ...(pointer !== undefined && { [names.pointer]: [`${pointer.index}@${pointer.version}`] }),
    [names.callId]: [id],
    [names.parentId]: [parent.id],
    [names.rootId]: [parent.rootId],
    [names.depth]: [String(parent.depth + 1)],
    ...(parent.treeCalls !== undefined && { [names.treeCalls]: [String(parent.treeCalls)] }),
    ...(awaited && { [names.deadline]: [String(Math.ceil(parent.deadlineMs))] }),
    ...(parent.traceparent !== undefined && { [names.traceparent]: [parent.traceparent] }),
  };
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
