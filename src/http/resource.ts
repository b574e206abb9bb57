/**
 * What has versions - state, functions, shared files - by HTTP: entity tags, conditions and ranges of RFC 9110, sections
 * 13 and 14, as requests have them, and 304, 206, 412 and 416 as answers. How the headers read is in conditions.ts and
 * range.ts.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { Headers } from '../bus/port.ts';
import { type Part, readVersion, toConditionHeaders } from '../bus/resource-headers.ts';
import { judgeRead, toEtag, toWriteConditions } from './conditions.ts';
import { readPiece, sendPieces, sizeOf } from './download.ts';
import {
  type AnswerHeaders,
  type Exchange,
  type HttpParts,
  octetStream,
  requestHeader,
  sendNothing,
} from './exchange.ts';
import { sendProblem } from './problem.ts';
import { toRange } from './range.ts';

/** The tag of an answer that tells of a version, and whatever else there is to say of it. */
export function toVersionHeaders(
  version: string | number | undefined,
  more: AnswerHeaders = {},
): AnswerHeaders {
  return version === undefined ? more : { ETag: toEtag(version), ...more };
}

/** Whether the request asks for one version, or for none of some, so that it has to be known which one there is. */
export function isConditional(exchange: Exchange): boolean {
  return ['if-match', 'if-none-match'].some((name) => requestHeader(exchange, name) !== undefined);
}

/** @returns whether 304 was the answer to this read @throws FaasmError `precondition_failed`, `bad_request` */
export function sendNotModified(exchange: Exchange, version: string, more?: AnswerHeaders): boolean {
  const ifMatch = requestHeader(exchange, 'if-match');
  const outcome = judgeRead(ifMatch, requestHeader(exchange, 'if-none-match'), version);
  if (outcome === 'precondition_failed') throw otherVersion(version);
  if (outcome === 'not_modified') sendNothing(exchange, 304, toVersionHeaders(version, more));
  return outcome === 'not_modified';
}

/**
 * The conditions of a write, as the actor takes them: it compares with one version, so of several it is told the one
 * that is there now.
 * @throws FaasmError `precondition_failed`, `bad_request`
 */
export async function toBusConditions(
  exchange: Exchange,
  versionNow: () => Promise<string>,
): Promise<Headers> {
  const { ifMatch, ifNoneMatch } = toWriteConditions(
    requestHeader(exchange, 'if-match'),
    requestHeader(exchange, 'if-none-match'),
  );
  if (ifNoneMatch !== undefined) return toConditionHeaders({ ifAbsent: true });
  if (ifMatch === undefined) return {};
  if (ifMatch === '*' || ifMatch.length === 1)
    return toConditionHeaders({ ifMatch: ifMatch === '*' ? '*' : ifMatch[0]! });
  const version = await orNothing(versionNow);
  if (version === undefined || !ifMatch.includes(version)) throw otherVersion(version);
  return toConditionHeaders({ ifMatch: version });
}

async function orNothing(versionNow: () => Promise<string>): Promise<string | undefined> {
  try {
    return await versionNow();
  } catch (thrown) {
    if (FaasmError.from(thrown).code === 'not_found') return undefined;
    throw thrown;
  }
}

/** Bytes that have a version. */
export interface Content {
  /** Gives them in parts. */
  readonly subject: string;
  describe(): Promise<{ readonly version: string; readonly sizeBytes: number }>;
}

const whole: Part = { offset: 0, length: Number.POSITIVE_INFINITY };

/** To GET and HEAD: all of it, the part that is asked for, or that it is what the client has. */
export async function sendContent(parts: HttpParts, exchange: Exchange, content: Content): Promise<void> {
  const isHead = exchange.req.method === 'HEAD';
  const range = requestHeader(exchange, 'range');
  if (!isHead && range === undefined && !isConditional(exchange)) {
    await sendPart(parts, exchange, content.subject);
    return;
  }
  const { version, sizeBytes } = await content.describe();
  if (sendNotModified(exchange, version)) return;
  if (isHead) {
    sendNothing(exchange, 200, toContentHeaders(sizeBytes, version));
    return;
  }
  // `If-Range` makes a range good for one version only; for any other the whole is sent.
  const ifRange = requestHeader(exchange, 'if-range');
  const isGood = range !== undefined && (ifRange === undefined || ifRange === toEtag(version));
  const part = isGood ? toRange(range, sizeBytes) : undefined;
  if (part === 'unsatisfiable') sendNotSatisfiable(exchange, sizeBytes);
  else await sendPart(parts, exchange, content.subject, part);
}

/** @param part of the size that it had a moment ago @default all of it */
async function sendPart(parts: HttpParts, exchange: Exchange, subject: string, part?: Part): Promise<void> {
  const { offset, length } = part ?? whole;
  const first = await readPiece(parts, subject, { offset, length });
  const sizeBytes = sizeOf(first, offset);
  const sent = { offset, length: Math.min(length, sizeBytes - offset) };
  if (part !== undefined && sent.length <= 0) {
    sendNotSatisfiable(exchange, sizeBytes);
    return;
  }
  const last = offset + sent.length - 1;
  exchange.res.writeHead(part === undefined ? 200 : 206, {
    ...toContentHeaders(sent.length, readVersion(first)),
    'X-Request-Id': exchange.requestId,
    ...(part !== undefined && { 'Content-Range': `bytes ${offset}-${last}/${sizeBytes}` }),
  });
  await sendPieces(parts, subject, sent, first, exchange.res);
}

function toContentHeaders(length: number, version: string | undefined): AnswerHeaders {
  return toVersionHeaders(version, {
    'Content-Type': octetStream,
    'Content-Length': String(length),
    'X-Content-Type-Options': 'nosniff',
    'Accept-Ranges': 'bytes',
  });
}

function otherVersion(version = 'none'): FaasmError {
  return new FaasmError(
    'precondition_failed',
    `The version is ${version}, which If-Match does not name; read it again`,
  );
}

function sendNotSatisfiable({ res, requestId }: Exchange, sizeBytes: number): void {
  const error = new FaasmError(
    'range_not_satisfiable',
    `The range begins beyond the end: there are ${sizeBytes} bytes`,
  );
  sendProblem(res, error, { requestId, headers: { 'Content-Range': `bytes */${sizeBytes}` } });
}
