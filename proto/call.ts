import { type ErrorCode, type ErrorDetails, FaasmError } from './errors.ts';
import type { CallArguments } from './function-settings.ts';
import type { CallId, FunctionName, UserName } from './names.ts';

/** One invocation, placed or waiting to be. Its bytes on the wire are `Call` in faasm.proto. */
export interface Call {
  readonly id: CallId;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  /** The call that chained this one. */
  readonly parentId?: CallId;
  /** The call that nobody chained, at the root of the tree that this call is in; itself for such a call. */
  readonly rootId: CallId;
  /** 0 for a root, one more for each chain. */
  readonly depth: number;
  /** How many calls its tree had chained when this one was, as far as was known where it was. */
  readonly treeCalls?: number;
  /** When the call is stopped, in Unix milliseconds. */
  readonly deadlineMs: number;
  /** Of FunctionVersion; set when the call is placed. */
  readonly version?: string;
  /** What the caller adds to the function's own arguments and environment. */
  readonly given?: CallArguments;
  /** Runs the function at this place of the module's table, and not its entry; of the version that is set with it. */
  readonly pointer?: number;
  /** What a CGI program is asked, where the call came as a request. */
  readonly request?: RequestHead;
  /** W3C trace context, passed on unread. */
  readonly traceparent?: string;
  /** Of an asynchronous call: which attempt at it this is, from 1. Not told to other hosts. */
  readonly attempt?: number;
}

/** A request of HTTP beside its body, which is the input of the call. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, as they were asked for. */
  readonly target: string;
  /** As in `HTTP/1.1`. */
  readonly protocol: string;
  /** As `Name: value`, in their order. */
  readonly headers: readonly string[];
  /** Of the client. */
  readonly address: string;
  /** That the client connected to. */
  readonly port: number;
}

/** How a call ended. */
export interface CallEnd {
  /** Of a call that failed: what it had put out until then. */
  readonly output: Uint8Array;
  /** What the function returned; 0 is success. */
  readonly returnValue: number;
  /** Set if and only if the call failed. */
  readonly error?: CallError | undefined;
  /** Of a CGI program. */
  readonly response?: ResponseHead | undefined;
  /** How long it computed, in microseconds; nothing when it did not run. */
  readonly ranUs?: number | undefined;
  /** The end of what it wrote to its standard error. Told in events, and not to the caller. */
  readonly stderr?: string | undefined;
  /** Calls that it chained and did not wait for, to be made now; none after a failure. Stays inside its host. */
  readonly chains?: readonly ChainedCall[] | undefined;
}

/** What a placed call is answered with: its bytes on the wire are `CallResult` in faasm.proto. */
export interface CallResult extends CallEnd {
  readonly id: CallId;
}

/** A call that a call makes. */
export interface ChainedCall {
  /** What the guest knows it by, from 1. */
  readonly handle: number;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  /** Nothing for a call of the function's entry. */
  readonly pointer?: TablePlace | undefined;
}

/** A function of a module's table. */
export interface TablePlace {
  readonly index: number;
  /** Of the function whose module it is. */
  readonly version: string;
}

/** What a CGI program says of its response beside the body, which is the output. */
export interface ResponseHead {
  readonly status: number;
  /** As `Name: value`, in their order. */
  readonly headers: readonly string[];
}

export interface CallError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export function toCallError({ code, message, details }: FaasmError): CallError {
  return { code, message, details };
}

export function fromCallError({ code, message, details }: CallError, output?: Uint8Array): FaasmError {
  return new FaasmError(code, message, { details, output });
}

/** Of a call that did not come to an end of its own. @param output that it had put out until then */
export function failedEnd(error: CallError, output: Uint8Array = new Uint8Array(0)): CallEnd {
  return { output, returnValue: 1, error };
}
