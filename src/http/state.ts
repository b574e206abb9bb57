/** State by HTTP. */
import { FaasmError } from '../../proto/errors.ts';
import { stateHeaders as names } from '../../proto/headers.ts';
import type { StateDescription } from '../../proto/messages.ts';
import { type BusMessage, emptyBody, type Headers, header, readBody } from '../bus/port.ts';
import { stateDescriptionCodec } from '../state/tier/messages.ts';
import { type BodyLimit, refuseLength, tooLarge, toWholeBody } from './body.ts';
import { judgeRead, toEtag, toWriteConditions } from './conditions.ts';
import { stateLimit } from './config.ts';
import { iterateBody } from './content-encoding.ts';
import { readPiece, sendPieces, sizeOf } from './download.ts';
import { ask, type Exchange, type HttpParts, octetStream, requestHeader, sendNothing } from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';
import { sendProblem } from './problem.ts';
import { type ByteRange, fromContentRange, toRange } from './range.ts';
import type { StateRoute } from './route.ts';
import { writePart, writeValue } from './upload-state.ts';

const whole: ByteRange = { offset: 0, length: Number.POSITIVE_INFINITY };

export async function readState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const ifMatch = requestHeader(exchange, 'if-match');
  const ifNoneMatch = requestHeader(exchange, 'if-none-match');
  const range = requestHeader(exchange, 'range');
  const head = exchange.req.method === 'HEAD';
  if (!head && ifMatch === undefined && ifNoneMatch === undefined && range === undefined) {
    await sendValue(parts, exchange, route, whole, 200);
    return;
  }
  const description = await describe(parts, route);
  const outcome = judgeRead(ifMatch, ifNoneMatch, String(description.version));
  if (outcome === 'precondition_failed') throw changed(description);
  if (outcome === 'not_modified') {
    sendNothing(exchange, 304, { ETag: toEtag(description.version) });
    return;
  }
  if (head) {
    sendNothing(exchange, 200, toValueHeaders(description.sizeBytes, String(description.version)));
    return;
  }
  const part = range === undefined ? undefined : toRequestedPart(exchange, range, description);
  if (part === 'unsatisfiable') sendNotSatisfiable(exchange, description.sizeBytes);
  else await sendValue(parts, exchange, route, part ?? whole, part === undefined ? 200 : 206);
}

export async function writeState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const { req } = exchange;
  const limit = stateLimit(parts.config);
  const refused = refuseLength(req, limit);
  if (refused !== undefined) throw refused;
  const contentRange = requestHeader(exchange, 'content-range');
  const part = contentRange === undefined ? undefined : fromContentRange(contentRange);
  if (part !== undefined && part.offset + part.length > limit.maxBytes) throw tooLarge(limit);
  const conditions = await toConditionHeaders(parts, exchange, route);
  const source = iterateBody(req);
  const answer =
    part === undefined
      ? await writeValue(parts, route, source, conditions)
      : await writePart(parts, route, part, source, conditions);
  sendNothing(exchange, 204, toVersionHeaders(answer));
}

export async function appendState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const conditions = await toConditionHeaders(parts, exchange, route);
  const bytes = await toWholeBody(exchange.req, appendLimit(parts));
  const answer = await ask(parts, parts.subjects.state('append', route.user, route.key), bytes, conditions);
  sendNothing(exchange, 204, toVersionHeaders(answer));
}

export async function deleteState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const conditions = await toConditionHeaders(parts, exchange, route);
  await ask(parts, parts.subjects.state('delete', route.user, route.key), emptyBody, conditions);
  sendNothing(exchange, 204);
}

/** An append is one message, so that it is whole wherever it ends up among others. */
export function appendLimit(parts: HttpParts): BodyLimit {
  return { maxBytes: pieceBytesOf(parts.bus) };
}

async function sendValue(
  parts: HttpParts,
  exchange: Exchange,
  route: StateRoute,
  wanted: ByteRange,
  status: 200 | 206,
): Promise<void> {
  const subject = parts.subjects.state('get', route.user, route.key);
  const first = await readPiece(parts, subject, wanted);
  const sizeBytes = sizeOf(first, wanted.offset);
  const part = { offset: wanted.offset, length: Math.min(wanted.length, sizeBytes - wanted.offset) };
  if (status === 206 && part.length <= 0) {
    sendNotSatisfiable(exchange, sizeBytes);
    return;
  }
  const end = part.offset + part.length - 1;
  exchange.res.writeHead(status, {
    ...toValueHeaders(part.length, header(first, names.version)),
    'X-Request-Id': exchange.requestId,
    ...(status === 206 && { 'Content-Range': `bytes ${part.offset}-${end}/${sizeBytes}` }),
  });
  await sendPieces(parts, subject, part, first, exchange.res);
}

/** `If-Range` makes a range good for one version only; for any other the whole value is sent. */
function toRequestedPart(
  exchange: Exchange,
  range: string,
  { sizeBytes, version }: StateDescription,
): ByteRange | 'unsatisfiable' | undefined {
  const ifRange = requestHeader(exchange, 'if-range');
  return ifRange === undefined || ifRange === toEtag(version) ? toRange(range, sizeBytes) : undefined;
}

/** The state actor compares with one version: of several, the one that the value has now. */
async function toConditionHeaders(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<Headers> {
  const { ifMatch, ifNoneMatch } = toWriteConditions(
    requestHeader(exchange, 'if-match'),
    requestHeader(exchange, 'if-none-match'),
  );
  if (ifNoneMatch !== undefined) return { [names.ifNoneMatch]: ['*'] };
  if (ifMatch === undefined) return {};
  if (ifMatch === '*') return { [names.ifMatch]: ['*'] };
  if (ifMatch.length === 1 && isVersion(ifMatch[0]!)) return { [names.ifMatch]: [ifMatch[0]!] };
  const description = await describe(parts, route);
  if (!ifMatch.includes(String(description.version))) throw changed(description);
  return { [names.ifMatch]: [String(description.version)] };
}

async function describe(parts: HttpParts, route: StateRoute): Promise<StateDescription> {
  return readBody(
    await ask(parts, parts.subjects.state('size', route.user, route.key)),
    stateDescriptionCodec,
  );
}

function toValueHeaders(length: number, version: string | undefined): Record<string, string> {
  return {
    'Content-Type': octetStream,
    'Content-Length': String(length),
    'X-Content-Type-Options': 'nosniff',
    'Accept-Ranges': 'bytes',
    ...(version !== undefined && { ETag: toEtag(version) }),
  };
}

function toVersionHeaders(answer: BusMessage): Record<string, string> {
  const version = header(answer, names.version);
  return version === undefined ? {} : { ETag: toEtag(version) };
}

function isVersion(text: string): boolean {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));
}

function changed({ version }: StateDescription): FaasmError {
  return new FaasmError(
    'precondition_failed',
    `The value has version ${version}, which If-Match does not name`,
  );
}

function sendNotSatisfiable({ res, requestId }: Exchange, sizeBytes: number): void {
  const error = new FaasmError(
    'range_not_satisfiable',
    `The range begins beyond the end: the value has ${sizeBytes} bytes`,
  );
  sendProblem(res, error, { requestId, headers: { 'Content-Range': `bytes */${sizeBytes}` } });
}
