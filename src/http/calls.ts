/** Asynchronous calls by HTTP. */
import { headers as names } from '../../proto/headers.ts';
import { userOfCall } from '../../proto/names.ts';
import { type BusMessage, header, readBody } from '../bus/port.ts';
import { messageIdHeader, toIdempotencyKey } from '../calls/idempotency-key.ts';
import { callStatusCodec } from '../calls/queue-messages.ts';
import { toWholeBody } from './body.ts';
import { inputLimit } from './config.ts';
import { readPiece, sendPieces, sizeOf } from './download.ts';
import {
  ask,
  type Exchange,
  type HttpParts,
  octetStream,
  requestHeader,
  sendJson,
  sendText,
} from './exchange.ts';
import { toCallHeaders } from './invoke.ts';
import type { CallRoute, FunctionRoute } from './route.ts';

/** @param request of a CGI program, as a header */
export async function submitCall(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
  request: string | undefined,
): Promise<void> {
  const { config, subjects } = parts;
  const { headers } = toCallHeaders(exchange.req, parts.newCallId(route.user), config.callTimeoutMs);
  const key = requestHeader(exchange, 'idempotency-key');
  if (request !== undefined) headers[names.request] = [request];
  if (key !== undefined) headers[messageIdHeader] = [toIdempotencyKey(key)];
  const input = await toWholeBody(exchange.req, inputLimit(config));
  const answer = await ask(parts, subjects.async(route.user, route.function), input, headers);
  const { id } = readBody(answer, callStatusCodec);
  parts.log.debug({ requestId: exchange.requestId, call: id }, 'the call is kept');
  sendText(exchange, 202, id, {
    Location: `/calls/${id}`,
    'Faasm-Call-Id': id,
    ...(route.kind === 'invoke' && { 'Preference-Applied': 'respond-async' }),
  });
}

export async function sendCallStatus(parts: HttpParts, exchange: Exchange, { id }: CallRoute): Promise<void> {
  const answer = await ask(parts, parts.subjects.calls('status', userOfCall(id), id));
  sendJson(exchange, 200, readBody(answer, callStatusCodec), { 'Cache-Control': 'no-store' });
}

export async function sendCallOutput(parts: HttpParts, exchange: Exchange, { id }: CallRoute): Promise<void> {
  const subject = parts.subjects.calls('output', userOfCall(id), id);
  const first = await readPiece(parts, subject, { offset: 0, length: Number.POSITIVE_INFINITY });
  const output = { offset: 0, length: sizeOf(first, 0) };
  exchange.res.writeHead(200, {
    'Content-Type': octetStream,
    'Content-Length': String(output.length),
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': exchange.requestId,
    'Faasm-Call-Id': id,
    ...toEndHeaders(first),
  });
  await sendPieces(parts, subject, output, first, exchange.res);
}

/** How the call ended that this is the output of, where it did not simply succeed. */
function toEndHeaders(answer: BusMessage): Record<string, string> {
  const returnValue = header(answer, names.returnValue);
  const code = header(answer, names.errorCode);
  return {
    ...(returnValue !== undefined && returnValue !== '0' && { [`X-${names.returnValue}`]: returnValue }),
    ...(code !== undefined && { [`X-${names.errorCode}`]: code }),
  };
}

export async function cancelCall(parts: HttpParts, exchange: Exchange, { id }: CallRoute): Promise<void> {
  const answer = await ask(parts, parts.subjects.calls('cancel', userOfCall(id), id));
  sendJson(exchange, 200, readBody(answer, callStatusCodec));
}

/** Whether the client would rather not wait for the call. */
export function prefersAsync(prefer: string | string[] | undefined): boolean {
  if (prefer === undefined) return false;
  return prefer
    .toString()
    .split(',')
    .some((preference) => preference.split(';', 1)[0]!.trim().toLowerCase() === 'respond-async');
}
