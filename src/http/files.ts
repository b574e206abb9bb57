/** Shared files by HTTP. */
import { toFileToken } from '../../proto/file-path.ts';
import type { FileDescription } from '../../proto/messages.ts';
import { Encodable, emptyBody, type Headers, readBody } from '../bus/port.ts';
import {
  anyFile,
  type FileListRequest,
  fileDescriptionCodec,
  fileListCodec,
  fileListMax,
  fileListRequestCodec,
} from '../files/messages.ts';
import { refuseLength } from './body.ts';
import { fileLimit } from './config.ts';
import { iterateBody } from './content-encoding.ts';
import { writeOut } from './download.ts';
import { ask, type Exchange, type HttpParts, sendJson, sendNothing } from './exchange.ts';
import { sendContent, toBusConditions, toVersionHeaders } from './resource.ts';
import type { FileRoute, FolderRoute } from './route.ts';
import { writeWhole } from './upload.ts';

export async function readFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  await sendContent(parts, exchange, {
    subject: parts.subjects.files('get', route.user, toFileToken(route.path)),
    describe: () => describe(parts, route),
  });
}

export async function writeFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  const { req } = exchange;
  const limit = fileLimit(parts.config);
  const refused = refuseLength(req, limit);
  if (refused !== undefined) throw refused;
  const write = {
    subject: parts.subjects.files('put', route.user, toFileToken(route.path)),
    source: iterateBody(req),
    conditions: await toConditions(parts, exchange, route),
  };
  const { version } = readBody(await writeWhole(parts, write, limit), fileDescriptionCodec);
  sendNothing(exchange, 204, toVersionHeaders(version));
}

export async function deleteFile(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<void> {
  const conditions = await toConditions(parts, exchange, route);
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

async function toConditions(parts: HttpParts, exchange: Exchange, route: FileRoute): Promise<Headers> {
  return await toBusConditions(exchange, async () => (await describe(parts, route)).version);
}

async function describe(parts: HttpParts, { user, path }: FileRoute): Promise<FileDescription> {
  const subject = parts.subjects.files('describe', user, toFileToken(path));
  return readBody(await ask(parts, subject), fileDescriptionCodec);
}
