/** Functions by HTTP: upload, list, describe, the module itself, delete. */
import { FaasmError } from '../../proto/errors.ts';
import { settingsHeaders } from '../../proto/headers.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName } from '../../proto/names.ts';
import { emptyBody, type Headers, readBody, toBytes } from '../bus/port.ts';
import { readVersion } from '../bus/resource-headers.ts';
import { functionDescriptionCodec, functionListCodec } from '../functions/messages.ts';
import { toWholeBody } from './body.ts';
import { moduleLimit } from './config.ts';
import {
  accepts,
  ask,
  type Exchange,
  type HttpParts,
  send,
  sendJson,
  sendNothing,
  sendText,
} from './exchange.ts';
import { isConditional, sendNotModified, toBusConditions, toVersionHeaders } from './resource.ts';
import type { FunctionRoute, UserRoute } from './route.ts';
import { toSettingsHeaders } from './settings-headers.ts';

/** Under one URL there are the description and the module. */
const variesByAccept = { Vary: 'Accept' };
/** Stands in the subject of a list, which is of no function in particular. */
const noFunction: FunctionName = toFunctionName('_');

export async function uploadFunction(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<void> {
  const { subjects, config } = parts;
  const headers: Headers = {
    ...(await toConditions(parts, exchange, route)),
    ...toSettingsHeaders(exchange.req),
  };
  const module = await toWholeBody(exchange.req, moduleLimit(config));
  if (module.length === 0 && headers[settingsHeaders.runtime] === undefined) {
    throw new FaasmError(
      'bad_module',
      'The upload is empty: send the module, as in curl -T function.wasm URL',
    );
  }
  const subject = subjects.functions('upload', route.user, route.function);
  const answer = await ask(parts, subject, module, headers, config.uploadTimeoutMs);
  const description = readBody(answer, functionDescriptionCodec);
  const etag = toVersionHeaders(description.live);
  if (accepts(exchange, 'application/json')) sendJson(exchange, 200, description, etag);
  else sendText(exchange, 200, 'Function upload complete', etag);
}

export async function listFunctions(
  parts: HttpParts,
  exchange: Exchange,
  { user }: UserRoute,
): Promise<void> {
  const answer = await ask(parts, parts.subjects.functions('list', user, noFunction));
  sendJson(exchange, 200, readBody(answer, functionListCodec));
}

export async function describeFunction(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<void> {
  const wantsModule = accepts(exchange, 'application/wasm');
  if (wantsModule && !isConditional(exchange)) {
    await sendModule(parts, exchange, route);
    return;
  }
  const description = await describe(parts, route);
  if (sendNotModified(exchange, description.live, variesByAccept)) return;
  if (wantsModule) await sendModule(parts, exchange, route);
  else sendJson(exchange, 200, description, toVersionHeaders(description.live, variesByAccept));
}

export async function removeFunction(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<void> {
  const headers = await toConditions(parts, exchange, route);
  await ask(parts, parts.subjects.functions('delete', route.user, route.function), emptyBody, headers);
  sendNothing(exchange, 204);
}

/** The tag is the version that these bytes are of, whichever is live by now. */
async function sendModule(parts: HttpParts, exchange: Exchange, route: FunctionRoute): Promise<void> {
  const answer = await ask(parts, parts.subjects.functions('fetch', route.user, route.function));
  const headers = toVersionHeaders(readVersion(answer), variesByAccept);
  send(exchange, 200, 'application/wasm', toBytes(answer.body), headers);
}

async function toConditions(parts: HttpParts, exchange: Exchange, route: FunctionRoute): Promise<Headers> {
  return await toBusConditions(exchange, async () => (await describe(parts, route)).live);
}

async function describe(parts: HttpParts, route: FunctionRoute): Promise<FunctionDescription> {
  const answer = await ask(parts, parts.subjects.functions('describe', route.user, route.function));
  return readBody(answer, functionDescriptionCodec);
}
