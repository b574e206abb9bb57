/** From a problem document (RFC 9457) of a host back to the error that it tells of. */
import { type ErrorCode, type ErrorDetails, FaasmError, isErrorCode } from '../../proto/errors.ts';

/** What a host says went wrong. */
export class HostError extends FaasmError {
  /** By which its log names the request. */
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails, requestId: string | undefined) {
    super(code, message, { details });
    this.requestId = requestId;
  }
}

const textMaxLength = 500;

export interface ProblemAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** In seconds, as the header has it. */
  readonly retryAfter: string | undefined;
}

/** @param origin of the host, named where the answer is not one of a Faasm host */
export function fromProblem({ status, body, retryAfter }: ProblemAnswer, origin: string): FaasmError {
  const text = Buffer.from(body).toString('utf8');
  const document = parse(text);
  const { code, detail, instance } = document;
  if (typeof code !== 'string' || typeof detail !== 'string') {
    const said = text.trim().slice(0, textMaxLength) || 'nothing';
    return new FaasmError('bad_message', `${origin} answers with status ${status} and says: ${said}`);
  }
  const requestId = typeof instance === 'string' ? instance : undefined;
  return new HostError(
    isErrorCode(code) ? code : 'internal',
    detail,
    toDetails(document, retryAfter),
    requestId,
  );
}

function toDetails(document: Record<string, unknown>, retryAfter: string | undefined): ErrorDetails {
  const details: Record<string, unknown> = {};
  for (const name of ['component', 'trap', 'backtrace', 'stderr', 'output', 'outputBase64']) {
    if (typeof document[name] === 'string') details[name] = document[name];
  }
  for (const name of ['returnValue', 'droppedChains', 'outputBytes']) {
    if (typeof document[name] === 'number') details[name] = document[name];
  }
  if (retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter))
    details.retryAfterMs = Number(retryAfter) * 1000;
  return details;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
