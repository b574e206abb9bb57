/** Functions by HTTP: upload, list, describe, the module itself, delete. */
import { FaasmError } from '../../proto/errors.ts';
import { settingsHeaders, stateHeaders } from '../../proto/headers.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName } from '../../proto/names.ts';
import { emptyBody, type Headers, header, readBody, toBytes } from '../bus/port.ts';
import { functionDescriptionCodec, functionListCodec } from '../functions/messages.ts';
import { toWholeBody } from './body.ts';
import { judgeRead, toEtag, toWriteConditions } from './conditions.ts';
import { moduleLimit } from './config.ts';
import {
  accepts,
  ask,
  type Exchange,
  type HttpParts,
  requestHeader,
  send,
  sendJson,
  sendNothing,
  sendText,
} from './exchange.ts';
import type { FunctionRoute, UserRoute } from './route.ts';
import { toSettingsHeaders } from './settings-headers.ts';

/** Stands in the subject of a list, which is of no function in particular. */
const noFunction: FunctionName = toFunctionName('_');

export async function uploadFunction(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<void> {
  const { subjects, config } = parts;
  const headers: Headers = {
    ...(await toConditionHeaders(parts, exchange, route)),
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
  const etag = { ETag: toEtag(description.live) };
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
  const ifMatch = requestHeader(exchange, 'if-match');
  const ifNoneMatch = requestHeader(exchange, 'if-none-match');
  if (wantsModule && ifMatch === undefined && ifNoneMatch === undefined) {
    await sendModule(parts, exchange, route);
    return;
  }
  const description = await describe(parts, route);
  const outcome = judgeRead(ifMatch, ifNoneMatch, description.live);
  if (outcome === 'precondition_failed') throw changed(route, description.live);
  if (outcome === 'not_modified') sendNothing(exchange, 304, toDescriptionHeaders(description.live));
  else if (wantsModule) await sendModule(parts, exchange, route);
  else sendJson(exchange, 200, description, toDescriptionHeaders(description.live));
}

export async function removeFunction(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<void> {
  const headers = await toConditionHeaders(parts, exchange, route);
  await ask(parts, parts.subjects.functions('delete', route.user, route.function), emptyBody, headers);
  sendNothing(exchange, 204);
}

/** The tag is the version that these bytes are of, whichever is live by now. */
async function sendModule(parts: HttpParts, exchange: Exchange, route: FunctionRoute): Promise<void> {
  const answer = await ask(parts, parts.subjects.functions('fetch', route.user, route.function));
  const version = header(answer, stateHeaders.version)!;
  send(exchange, 200, 'application/wasm', toBytes(answer.body), toDescriptionHeaders(version));
}

/** The functions actor compares with one version: of several, the one that is live. */
async function toConditionHeaders(
  parts: HttpParts,
  exchange: Exchange,
  route: FunctionRoute,
): Promise<Headers | undefined> {
  const { ifMatch, ifNoneMatch } = toWriteConditions(
    requestHeader(exchange, 'if-match'),
    requestHeader(exchange, 'if-none-match'),
  );
  if (ifNoneMatch !== undefined) return { [stateHeaders.ifNoneMatch]: ['*'] };
  if (ifMatch === undefined) return undefined;
  if (ifMatch === '*') return { [stateHeaders.ifMatch]: ['*'] };
  const version = ifMatch.length === 1 ? ifMatch[0]! : (await describe(parts, route)).live;
  if (!ifMatch.includes(version)) throw changed(route, version);
  return { [stateHeaders.ifMatch]: [version] };
}

async function describe(parts: HttpParts, route: FunctionRoute): Promise<FunctionDescription> {
  const answer = await ask(parts, parts.subjects.functions('describe', route.user, route.function));
  return readBody(answer, functionDescriptionCodec);
}

function toDescriptionHeaders(version: string): { ETag: string; Vary: string } {
  return { ETag: toEtag(version), Vary: 'Accept' };
}

function changed(route: FunctionRoute, live: string): FaasmError {
  return new FaasmError(
    'precondition_failed',
    `The live version of ${route.user}/${route.function} is ${live}, which If-Match does not name`,
  );
}
