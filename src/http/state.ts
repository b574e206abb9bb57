/** State by HTTP. */
import { emptyBody, type Headers, readBody } from '../bus/port.ts';
import { readVersion } from '../bus/resource-headers.ts';
import { stateDescriptionCodec } from '../state/tier/messages.ts';
import { type BodyLimit, refuseLength, tooLarge, toWholeBody } from './body.ts';
import { stateLimit } from './config.ts';
import { iterateBody } from './content-encoding.ts';
import { ask, type Exchange, type HttpParts, requestHeader, sendNothing } from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';
import { fromContentRange } from './range.ts';
import { sendContent, toBusConditions, toVersionHeaders } from './resource.ts';
import type { StateRoute } from './route.ts';
import { writePart, writeWhole } from './upload.ts';

export async function readState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  await sendContent(parts, exchange, {
    subject: parts.subjects.state('get', route.user, route.key),
    describe: () => describe(parts, route),
  });
}

export async function writeState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const { req } = exchange;
  const limit = stateLimit(parts.config);
  const refused = refuseLength(req, limit);
  if (refused !== undefined) throw refused;
  const contentRange = requestHeader(exchange, 'content-range');
  const part = contentRange === undefined ? undefined : fromContentRange(contentRange);
  if (part !== undefined && part.offset + part.length > limit.maxBytes) throw tooLarge(limit);
  const write = {
    subject: parts.subjects.state('set', route.user, route.key),
    source: iterateBody(req),
    conditions: await toConditions(parts, exchange, route),
  };
  const answer =
    part === undefined ? await writeWhole(parts, write, limit) : await writePart(parts, write, part);
  sendNothing(exchange, 204, toVersionHeaders(readVersion(answer)));
}

export async function appendState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const conditions = await toConditions(parts, exchange, route);
  const bytes = await toWholeBody(exchange.req, appendLimit(parts));
  const answer = await ask(parts, parts.subjects.state('append', route.user, route.key), bytes, conditions);
  sendNothing(exchange, 204, toVersionHeaders(readVersion(answer)));
}

export async function deleteState(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<void> {
  const conditions = await toConditions(parts, exchange, route);
  await ask(parts, parts.subjects.state('delete', route.user, route.key), emptyBody, conditions);
  sendNothing(exchange, 204);
}

/** An append is one message, so that it is whole wherever it ends up among others. */
export function appendLimit(parts: HttpParts): BodyLimit {
  return { maxBytes: pieceBytesOf(parts.bus) };
}

async function toConditions(parts: HttpParts, exchange: Exchange, route: StateRoute): Promise<Headers> {
  return await toBusConditions(exchange, async () => (await describe(parts, route)).version);
}

async function describe(parts: HttpParts, route: StateRoute) {
  const answer = await ask(parts, parts.subjects.state('size', route.user, route.key));
  const { version, sizeBytes } = readBody(answer, stateDescriptionCodec);
  return { version: String(version), sizeBytes };
}
