/** Errors as RFC 9457 problem documents. */
import type { ServerResponse } from 'node:http';
import type { ErrorDetails, FaasmError } from '../../proto/errors.ts';

export interface Problem extends Omit<ErrorDetails, 'retryAfterMs'> {
  /** `urn:faasm:error:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The stable code of proto/errors.ts. */
  readonly code: string;
  /** The request's id, as in `X-Request-Id`; nothing where there was no request that could be read. */
  readonly instance?: string;
}

export interface ProblemOptions {
  readonly requestId?: string;
  /** Beside those that every problem has, by name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where HTTP has a status of its own for what happened. */
  readonly status?: number;
}

/** Where an error does not say when to try again. */
const retryAfterDefaultMs = 1000;

export function toProblem(error: FaasmError, { requestId, status }: ProblemOptions = {}): Problem {
  const { retryAfterMs: _, ...details } = error.details;
  return {
    type: `urn:faasm:error:${error.code}`,
    title: toTitle(error.code),
    status: status ?? error.http,
    detail: error.message,
    code: error.code,
    ...(requestId !== undefined && { instance: requestId }),
    ...details,
  };
}

/** The head of a problem answer with a body of `bodyBytes`. */
export function toProblemHeaders(
  error: FaasmError,
  bodyBytes: number,
  { requestId, headers = {} }: ProblemOptions = {},
): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(bodyBytes),
    ...(requestId !== undefined && { 'X-Request-Id': requestId }),
    ...(error.http === 401 && { 'WWW-Authenticate': 'Bearer realm="faasm"' }),
    ...((error.http === 429 || error.http === 503) && { 'Retry-After': toRetryAfter(error) }),
    ...headers,
  };
}

/** Answers with a problem; where an answer has begun already, breaks it off, so that nobody takes it for whole. */
export function sendProblem(res: ServerResponse, error: FaasmError, options: ProblemOptions = {}): void {
  if (res.headersSent) {
    if (!res.writableEnded) res.destroy();
    return;
  }
  const body = Buffer.from(`${JSON.stringify(toProblem(error, options))}\n`);
  res.writeHead(options.status ?? error.http, toProblemHeaders(error, body.length, options));
  res.end(body);
}

function toTitle(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words[0]!.toUpperCase() + words.slice(1);
}

/** In whole seconds, never 0. */
function toRetryAfter(error: FaasmError): string {
  const retryAfterMs = error.details.retryAfterMs ?? retryAfterDefaultMs;
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}
