/** Calls and their results as bytes: `Message` of faasm.proto. What is decoded came from outside and is checked. */
import type { Call, CallError, CallResult } from '../../proto/call.ts';
import { type ErrorDetails, FaasmError, isErrorCode } from '../../proto/errors.ts';
import { quote, toCallId, toFunctionName, toUserName } from '../../proto/names.ts';
import type { Codec } from '../bus/port.ts';
import { errorDetailsMaxBytes, errorTextMaxLength } from './limits.ts';
import { badMessage, decodeMessage, encodeMessage, type Message, type MessageError } from './message.ts';

const versionPattern = /^[0-9a-f]{64}$/;
/** Fit to be a header; one that is not is left out, as W3C Trace Context asks. */
export const traceparentPattern = /^[!-~]{1,256}$/;

/** What its field takes: 71 minutes. */
const ranMaxUs = 2 ** 32 - 1;

/** A placed call, from host to host. */
export const callCodec: Codec<Call> = {
  name: 'call',
  encode: (call) =>
    encodeMessage({
      user: call.user,
      function: call.function,
      type: 'CALL',
      inputData: call.input,
      id: call.id,
      parentId: call.parentId ?? '',
      rootId: call.rootId,
      depth: call.depth,
      deadlineMs: Math.ceil(call.deadlineMs),
      version: call.version ?? '',
      traceparent: call.traceparent ?? '',
      given: call.given,
      treeCalls: call.treeCalls ?? 0,
      request: call.request,
      pointer: call.pointer === undefined ? 0 : call.pointer + 1,
    }),
  decode: (bytes) => {
    const message = decodeMessage(bytes, 'call');
    return named('call', () => toCall(message));
  },
};

/** How a call ended, back to the host that placed it. */
export const callResultCodec: Codec<CallResult> = {
  name: 'call result',
  encode: (result) =>
    encodeMessage({
      id: result.id,
      type: 'CALL',
      success: result.error === undefined,
      outputData: result.output,
      returnValue: result.returnValue | 0,
      error: result.error === undefined ? undefined : toMessageError(result.error),
      response: result.response,
      ranUs: Math.min(ranMaxUs, Math.round(result.ranUs ?? 0)),
    }),
  decode: (bytes) => {
    const message = decodeMessage(bytes, 'call result');
    return named('call result', () => toCallResult(message));
  },
};

function toCall(message: Message): Call {
  const { type, depth, deadlineMs, version, traceparent, given, request, pointer, treeCalls } = message;
  if (type !== 'CALL') throw badMessage('call', `its type is ${type}`);
  if (deadlineMs === 0) throw badMessage('call', 'it has no deadline');
  if (message.input.kind !== 'inline' || message.output.kind !== 'inline') {
    throw badMessage('call', 'its input and output are elsewhere');
  }
  if (version !== '' && !versionPattern.test(version)) {
    throw badMessage('call', `its version ${quote(version)} is not a sha256 in hex`);
  }
  const user = toUserName(message.user);
  const id = toCallId(message.id, user);
  return {
    id,
    user,
    function: toFunctionName(message.function),
    input: message.inputData,
    rootId: message.rootId === '' ? id : toCallId(message.rootId, user),
    depth,
    deadlineMs,
    ...(message.parentId !== '' && { parentId: toCallId(message.parentId, user) }),
    ...(version !== '' && { version }),
    ...(traceparentPattern.test(traceparent) && { traceparent }),
    ...(given !== undefined && { given }),
    ...(treeCalls > 0 && { treeCalls }),
    ...(request !== undefined && { request }),
    ...(pointer > 0 && { pointer: pointer - 1 }),
  };
}

function toCallResult(message: Message): CallResult {
  const { error, success, returnValue, outputData, response, ranUs } = message;
  if (success !== (error === undefined)) {
    throw badMessage('call result', success ? 'a success has an error' : 'a failure has no error');
  }
  return {
    id: toCallId(message.id),
    output: outputData,
    returnValue,
    ...(error !== undefined && { error: fromMessageError(error) }),
    ...(response !== undefined && { response }),
    ...(ranUs > 0 && { ranUs }),
  };
}

export function toMessageError({ code, message, details }: CallError): MessageError {
  return { code, message: head(message), details: toDetailsJson(details) };
}

function toDetailsJson(details: ErrorDetails): string {
  if (Object.keys(details).length === 0) return '';
  const { trap, backtrace, stderr, output, outputBase64, ...rest } = details;
  const json = JSON.stringify({
    ...rest,
    trap: trap && head(trap),
    backtrace: backtrace && head(backtrace),
    stderr: stderr?.slice(-errorTextMaxLength),
    output: output?.slice(-errorTextMaxLength),
    outputBase64,
  });
  return Buffer.byteLength(json) <= errorDetailsMaxBytes ? json : JSON.stringify(rest);
}

/** A code that this host does not know is of a newer one: `internal`. */
function fromMessageError({ code, message, details }: MessageError): CallError {
  return { code: isErrorCode(code) ? code : 'internal', message, details: fromDetailsJson(details) };
}

function fromDetailsJson(json: string): ErrorDetails {
  if (json === '') return {};
  const value: unknown = parse(json);
  if (typeof value !== 'object' || value === null) return {};
  const given = value as Record<string, unknown>;
  const text = (name: keyof ErrorDetails) => typeof given[name] === 'string' && { [name]: given[name] };
  const number = (name: keyof ErrorDetails) => Number.isFinite(given[name]) && { [name]: given[name] };
  return {
    ...text('component'),
    ...number('returnValue'),
    ...text('fault'),
    ...text('trap'),
    ...text('backtrace'),
    ...text('stderr'),
    ...text('output'),
    ...text('outputBase64'),
    ...number('outputBytes'),
    ...number('droppedChains'),
    ...number('retryAfterMs'),
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function head(text: string): string {
  return text.slice(0, errorTextMaxLength);
}

/** Runs checks of names, whose errors are then about the message that had them. */
function named<T>(what: string, check: () => T): T {
  try {
    return check();
  } catch (thrown) {
    if (thrown instanceof FaasmError && thrown.code === 'bad_name') {
      throw badMessage(what, thrown.message, thrown);
    }
    throw thrown;
  }
}
