/** Conditions and ranges mean the same of state, of shared files and of functions, by HTTP and by NATS. */
import test from 'ava';
import { connect, headers as natsHeaders } from 'nats';
import { type ErrorCode, errorTable } from '../../proto/errors.ts';
import { toFilePath, toFileToken } from '../../proto/file-path.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { toFunctionName, toStateKey, toUserName } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { guests, startTestHost, wasm } from './_host.ts';

const at = await startTestHost();
const client = await connect({ port: at.host.natsPort! });
test.after.always(async () => {
  await client.close();
  await at[Symbol.asyncDispose]();
});
const subjects = createPublicSubjects();
const ann = toUserName('ann');

type Op = 'put' | 'delete';

interface Resource {
  path(name: string): string;
  subject(op: Op, name: string): string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const text = new Uint8Array(Buffer.from('0123456789'));
const resources: Readonly<Record<string, Resource>> = {
  'a state value': {
    path: (name) => `/s/ann/${name}`,
    subject: (op, name) => subjects.state(op === 'put' ? 'set' : op, ann, toStateKey(name)),
    bytes: text,
  },
  'a shared file': {
    path: (name) => `/file/ann/${name}`,
    subject: (op, name) => subjects.files(op, ann, toFileToken(toFilePath(name))),
    bytes: text,
  },
  'a function': {
    path: (name) => `/f/ann/${name}`,
    subject: (op, name) => subjects.functions(op === 'put' ? 'upload' : op, ann, toFunctionName(name)),
    bytes: wasm(guests.echo),
  },
};

interface Asked {
  /** Without quotes. */
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

/** The code of the error; nothing where all is well. */
type Outcome = ErrorCode | undefined;

async function byHttp({ path, bytes }: Resource, op: Op, name: string, asked: Asked): Promise<Outcome> {
  const quoted = (tag: string): string => (tag === '*' ? tag : `"${tag}"`);
  const answer = await fetch(`${at.url}${path(name)}`, {
    method: op.toUpperCase(),
    headers: {
      ...(asked.ifMatch !== undefined && { 'If-Match': quoted(asked.ifMatch) }),
      ...(asked.ifNoneMatch !== undefined && { 'If-None-Match': quoted(asked.ifNoneMatch) }),
    },
    ...(op === 'put' && { body: bytes }),
  });
  const said = await answer.text();
  if (answer.ok) return undefined;
  const { code } = JSON.parse(said) as { code: ErrorCode };
  return answer.status === errorTable[code].http ? code : undefined;
}

async function byNats({ subject, bytes }: Resource, op: Op, name: string, asked: Asked): Promise<Outcome> {
  const headers = natsHeaders();
  if (asked.ifMatch !== undefined) headers.set(names.ifMatch, asked.ifMatch);
  if (asked.ifNoneMatch !== undefined) headers.set(names.ifNoneMatch, asked.ifNoneMatch);
  const body = op === 'put' ? bytes : undefined;
  const answer = await client.request(subject(op, name), body, { headers, timeout: 60_000 });
  const code = answer.headers?.get('Faasm-Error') ?? '';
  return code === '' ? undefined : (code as ErrorCode);
}

const create = async ({ path, bytes }: Resource, name: string): Promise<string> => {
  const answer = await fetch(`${at.url}${path(name)}`, { method: 'PUT', body: bytes });
  await answer.arrayBuffer();
  return answer.headers.get('etag')!.replaceAll('"', '');
};

let made = 0;

const changes = test.macro({
  title: (_about, op: Op, asked: Asked, there: Outcome, absent: Outcome) =>
    `${op} ${JSON.stringify(asked)}: ${there ?? 'done'}; of nothing: ${absent ?? 'done'}`,
  async exec(t, op: Op, asked: Asked, there: Outcome, absent: Outcome) {
    for (const [kind, resource] of Object.entries(resources)) {
      for (const [way, change] of Object.entries({ HTTP: byHttp, NATS: byNats })) {
        const name = `r${++made}`;
        t.is(await change(resource, op, name, asked), absent, `${kind} that is not there, by ${way}`);
        const version = await create(resource, name);
        const ifMatch = asked.ifMatch?.replace('live', version);
        const said = { ...asked, ...(ifMatch !== undefined && { ifMatch }) };
        t.is(await change(resource, op, name, said), there, `${kind}, by ${way}`);
      }
    }
  },
});

const done = undefined;
test(changes, 'put', {}, done, done);
test(changes, 'put', { ifNoneMatch: '*' }, 'precondition_failed', done);
test(changes, 'put', { ifNoneMatch: 'x' }, 'bad_request', 'bad_request');
test(changes, 'put', { ifMatch: '*' }, done, 'precondition_failed');
test(changes, 'put', { ifMatch: 'live' }, done, 'precondition_failed');
test(changes, 'put', { ifMatch: '12345' }, 'precondition_failed', 'precondition_failed');
test(changes, 'put', { ifMatch: 'other' }, 'precondition_failed', 'precondition_failed');
test(changes, 'put', { ifMatch: 'live', ifNoneMatch: 'x' }, 'bad_request', 'bad_request');
test(changes, 'delete', {}, done, 'not_found');
test(changes, 'delete', { ifMatch: '*' }, done, 'precondition_failed');
test(changes, 'delete', { ifMatch: 'live' }, done, 'precondition_failed');
test(changes, 'delete', { ifMatch: 'other' }, 'precondition_failed', 'precondition_failed');
test(changes, 'delete', { ifNoneMatch: 'x' }, 'bad_request', 'bad_request');

const several = test.macro({
  title: (_about, asked: string, status: number, absent: number) =>
    `PUT with If-Match ${asked}: ${status}; of nothing: ${absent}`,
  async exec(t, asked: string, status: number, absent: number) {
    for (const [kind, resource] of Object.entries(resources)) {
      const name = `r${++made}`;
      const put = (tags: string) =>
        fetch(`${at.url}${resource.path(name)}`, {
          method: 'PUT',
          headers: { 'If-Match': tags },
          body: resource.bytes,
        });
      t.is((await put(asked)).status, absent, `${kind} that is not there`);
      const version = await create(resource, name);
      const answer = await put(asked.replace('live', version));
      t.is(answer.ok ? 200 : answer.status, status, kind);
    }
  },
});
test(several, '"x", "live"', 200, 412);
test(several, '"x", "y"', 412, 412);
test(several, 'W/"live"', 412, 412);
test(several, '"x', 400, 400);

const reads = test.macro({
  title: (_about, asked: Record<string, string>, status: number) => `GET ${JSON.stringify(asked)}: ${status}`,
  async exec(t, asked: Record<string, string>, status: number) {
    for (const [kind, resource] of Object.entries(resources)) {
      const name = `r${++made}`;
      const version = await create(resource, name);
      const headers = Object.entries(asked).map(([key, value]) => [key, value.replace('live', version)]);
      const request = { headers: Object.fromEntries(headers) };
      const answer = await fetch(`${at.url}${resource.path(name)}`, request);
      // A description has no parts.
      const isWhole = kind === 'a function' && (status === 206 || status === 416);
      t.is(answer.status, isWhole ? 200 : status, kind);
      if (answer.status < 400) t.is(answer.headers.get('etag'), `"${version}"`, kind);
      if (answer.status === 206) {
        t.is(answer.headers.get('content-range'), 'bytes 2-4/10', kind);
        t.is(await answer.text(), '234', kind);
      } else if (answer.status === 416) {
        t.is(answer.headers.get('content-range'), 'bytes */10', kind);
      }
    }
  },
});
test(reads, {}, 200);
test(reads, { 'If-None-Match': '"live"' }, 304);
test(reads, { 'If-None-Match': 'W/"live"' }, 304);
test(reads, { 'If-None-Match': '*' }, 304);
test(reads, { 'If-None-Match': '"x"' }, 200);
test(reads, { 'If-None-Match': '"x' }, 400);
test(reads, { 'If-Match': '"live"' }, 200);
test(reads, { 'If-Match': '"x"' }, 412);
test(reads, { Range: 'bytes=2-4' }, 206);
test(reads, { Range: 'bytes=2-4', 'If-Range': '"live"' }, 206);
test(reads, { Range: 'bytes=2-4', 'If-Range': '"x"' }, 200);
test(reads, { Range: 'bytes=10-' }, 416);
test(reads, { Range: 'bytes=2-4', 'If-Match': '"x"' }, 412);
test(reads, { Range: 'lines=2-4' }, 200);
