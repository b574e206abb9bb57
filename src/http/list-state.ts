/** The state keys of a user. There may be any number of them, so they are read and sent a page at a time. */
import type { StateDescription } from '../../proto/messages.ts';
import { fromStateKey, type StateKey, toStateKey, type UserName } from '../../proto/names.ts';
import { Encodable, readBody } from '../bus/port.ts';
import { listMax, stateCodecs } from '../state/tier/messages.ts';
import { writeOut } from './download.ts';
import { ask, type Exchange, type HttpParts, sendJson } from './exchange.ts';
import type { UserRoute } from './route.ts';

/** Stands in the subject of a list, which is of no key in particular. */
const noKey: StateKey = toStateKey('_');

type Page = readonly StateDescription[];

export async function listState(parts: HttpParts, exchange: Exchange, { user }: UserRoute): Promise<void> {
  let page = await readPage(parts, user);
  if (page.length < listMax) {
    sendJson(
      exchange,
      200,
      page.map((value) => toEntry(user, value)),
    );
    return;
  }
  const { res, requestId } = exchange;
  res.writeHead(200, { 'Content-Type': 'application/json', 'X-Request-Id': requestId });
  for (let before = '['; page.length > 0; before = ',') {
    const text = page.map((value) => JSON.stringify(toEntry(user, value))).join(',');
    if (!(await writeOut(res, before + text, parts.config.stallTimeoutMs))) return;
    page = page.length < listMax ? [] : await readPage(parts, user, page.at(-1)!.key);
  }
  res.end(']\n');
}

async function readPage(parts: HttpParts, user: UserName, after?: StateKey): Promise<Page> {
  const request = { limit: listMax, ...(after !== undefined && { after }) };
  const body = new Encodable(request, stateCodecs.list.request);
  return readBody(await ask(parts, parts.subjects.state('list', user, noKey), body), stateCodecs.list.answer);
}

function toEntry(user: UserName, { key, sizeBytes, version }: StateDescription) {
  const path = `/s/${user}/${key.replaceAll('=', '%')}`;
  return { key: toText(fromStateKey(key)), path, sizeBytes, version };
}

/** A key as text, or nothing where its bytes are not UTF-8. */
function toText(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes).toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}
