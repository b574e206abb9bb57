/** Shared files by HTTP. */
import { FaasmError } from '../../proto/errors.ts';
import { toFileToken } from '../../proto/file-path.ts';
import { stateHeaders as names } from '../../proto/headers.ts';
import type { FileDescription } from '../../proto/messages.ts';
import { type BusMessage, Encodable, emptyBody, type Headers, header, readBody } from '../bus/port.ts';
import {
  anyFile,
  type FileListRequest,
  fileDescriptionCodec,
  fileListCodec,
  fileListMax,
  fileListRequestCodec,
} from '../files/messages.ts';
import { refuseLength } from './body.ts';
import { judgeRead, toEtag, toWriteConditions } from './conditions.ts';
import { fileLimit } from './config.ts';
import { iterateBody } from './content-encoding.ts';
import { readPiece, sendPieces, sizeOf, writeOut } from './download.ts';
import {
  ask,
  type Exchange,
  type HttpParts,
  octetStream,
  requestHeader,
  sendJson,
  sendNothing,
} from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';
import type { FileRoute, FolderRoute } from './route.ts';
import { toPieces } from './upload-state.ts';

export async function readFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  const description = await describe(parts, route);
  const { version, sizeBytes } = description;
  const ifMatch = requestHeader(exchange, 'if-match');
  const outcome = judgeRead(ifMatch, requestHeader(exchange, 'if-none-match'), version);
  if (outcome === 'precondition_failed') throw changed(description);
  if (outcome === 'not_modified') {
    sendNothing(exchange, 304, { ETag: toEtag(version) });
    return;
  }
  if (exchange.req.method === 'HEAD') {
    sendNothing(exchange, 200, toContentHeaders(sizeBytes, version));
    return;
  }
  const subject = parts.subjects.files('get', route.user, toFileToken(route.path));
  const first = await readPiece(parts, subject, { offset: 0, length: Number.POSITIVE_INFINITY });
  const whole = { offset: 0, length: sizeOf(first, 0) };
  exchange.res.writeHead(200, {
    ...toContentHeaders(whole.length, header(first, names.version) ?? version),
    'X-Request-Id': exchange.requestId,
  });
  await sendPieces(parts, subject, whole, first, exchange.res);
}

/** Passes a file on a piece at a time; nobody sees any piece before the last one is there. */
export async function writeFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  const { req } = exchange;
  const limit = fileLimit(parts.config);
  const refused = refuseLength(req, limit);
  if (refused !== undefined) throw refused;
  const conditions = await toConditionHeaders(parts, exchange, route);
  const subject = parts.subjects.files('put', route.user, toFileToken(route.path));
  const uploadId = parts.newId();
  const source = iterateBody(req);
  let answer: BusMessage | undefined;
  for await (const { offset, bytes, last } of toPieces(source, pieceBytesOf(parts.bus), limit)) {
    const staged = { [names.uploadId]: [uploadId], [names.offset]: [String(offset)] };
    const commit = last ? { [names.uploadCommit]: [String(offset + bytes.length)] } : {};
    const isWhole = last && offset === 0;
    answer = await ask(parts, subject, bytes, {
      ...conditions,
      ...(isWhole ? {} : { ...staged, ...commit }),
    });
  }
  const { version } = readBody(answer!, fileDescriptionCodec);
  sendNothing(exchange, 204, { ETag: toEtag(version) });
}

export async function deleteFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  const conditions = await toConditionHeaders(parts, exchange, route);
  const subject = parts.subjects.files('delete', route.user, toFileToken(route.path));
  await ask(parts, subject, emptyBody, conditions);
  sendNothing(exchange, 204);
}

/** There may be thousands, so they are read and sent a page at a time. */
export async function listFiles(
  parts: HttpParts,
  exchange: Exchange,
  { user, folder }: FolderRoute,
): Promise<void> {
  const subject = parts.subjects.files('list', user, anyFile);
  const readPage = async (after?: FileDescription): Promise<readonly FileDescription[]> => {
    const request: FileListRequest = {
      ...(folder !== undefined && { folder }),
      ...(after !== undefined && { after: after.path }),
    };
    return readBody(await ask(parts, subject, new Encodable(request, fileListRequestCodec)), fileListCodec);
  };
  let page = await readPage();
  if (page.length < fileListMax) {
    sendJson(exchange, 200, page);
    return;
  }
  const { res, requestId } = exchange;
  res.writeHead(200, { 'Content-Type': 'application/json', 'X-Request-Id': requestId });
  for (let before = '['; page.length > 0; before = ',') {
    const text = page.map((file) => JSON.stringify(file)).join(',');
    if (!(await writeOut(res, before + text, parts.config.stallTimeoutMs))) return;
    page = page.length < fileListMax ? [] : await readPage(page.at(-1));
  }
  res.end(']\n');
}

/** The files actor compares with one version: of several, the one that the file has now. */
async function toConditionHeaders(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<Headers> {
  const { ifMatch, ifNoneMatch } = toWriteConditions(
    requestHeader(exchange, 'if-match'),
    requestHeader(exchange, 'if-none-match'),
  );
  if (ifNoneMatch !== undefined) return { [names.ifNoneMatch]: ['*'] };
  if (ifMatch === undefined) return {};
  if (ifMatch === '*') return { [names.ifMatch]: ['*'] };
  if (ifMatch.length === 1) return { [names.ifMatch]: [ifMatch[0]!] };
  const description = await describe(parts, route);
  if (!ifMatch.includes(description.version)) throw changed(description);
  return { [names.ifMatch]: [description.version] };
}

async function describe(parts: HttpParts, { user, path }: FileRoute): Promise<FileDescription> {
  const subject = parts.subjects.files('describe', user, toFileToken(path));
  return readBody(await ask(parts, subject), fileDescriptionCodec);
}

function toContentHeaders(sizeBytes: number, version: string): Record<string, string> {
  return {
    'Content-Type': octetStream,
    'Content-Length': String(sizeBytes),
    'X-Content-Type-Options': 'nosniff',
    ETag: toEtag(version),
  };
}

function changed({ path, version }: FileDescription): FaasmError {
  return new FaasmError(
    'precondition_failed',
    `The file ${JSON.stringify(path)} has version ${version}, which If-Match does not name`,
  );
}
