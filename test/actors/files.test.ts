/** The files actor on a bus of its own: what it does beside answering. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type FilesOptions, startFiles } from '../../actors/files.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import { toFilePath, toFileToken } from '../../proto/file-path.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createAskHost } from '../../src/asks/asks.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, type Headers, readBody, toBytes } from '../../src/bus/port.ts';
import { openDiskStore } from '../../src/files/disk-store.ts';
import {
  anyFile,
  type FileListRequest,
  fileChangedCodec,
  fileDescriptionCodec,
  fileListCodec,
  fileListRequestCodec,
  filesOfCodec,
} from '../../src/files/messages.ts';
import type { FileStore } from '../../src/files/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import { silentLog, subjects, until } from '../http/_bridge.ts';

const control = createControlSubjects();
const ada = toUserName('ada');
const text = (value: string) => new TextEncoder().encode(value);

async function start(
  t: ExecutionContext,
  config: Partial<FilesOptions['config']> = {},
  wrap: (store: FileStore) => FileStore = (same) => same,
) {
  const root = await mkdtemp(join(tmpdir(), 'faasm-files-'));
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const open = () => openDiskStore({ root, onDamaged: (file) => t.fail(file) });
  const files = await startFiles({
    powers: nodePowers,
    bus,
    privateBus,
    subjects,
    control,
    store: wrap(await open()),
    config: {
      host: toHostId('here'),
      limits: { fileMaxBytes: 1000, userMaxBytes: 1000, filesPerUserMax: 10 },
      uploadsPerUserMax: 2,
      uploadIdleMs: 60_000,
      retiredKeptMs: 60_000,
      ...config,
    },
    log: silentLog,
  });
  t.teardown(async () => {
    await files.stop();
    await bus.close();
    await privateBus.close();
    await rm(root, { recursive: true, force: true });
  });
  const request = async (
    op: 'put' | 'get' | 'describe' | 'delete',
    path: string,
    body = '',
    headers: Headers = {},
  ) =>
    expectAnswer(
      await bus.request(subjects.files(op, ada, toFileToken(toFilePath(path))), text(body), { headers }),
    );
  const list = async (asked: FileListRequest, user = ada): Promise<string[]> => {
    const body = new Encodable(asked, fileListRequestCodec);
    const answer = await bus.request(subjects.files('list', user, anyFile), body);
    return readBody(expectAnswer(answer), fileListCodec).map(({ path }) => path);
  };
  const get = async (path: string, headers: Headers = {}): Promise<string> =>
    Buffer.from(toBytes((await request('get', path, '', headers)).body)).toString();
  const count = async (folder: string) => (await readdir(join(root, folder))).length;
  return { bus, privateBus, open, request, list, get, count };
}

const part = (id: string, offset: number, commit?: number): Headers => ({
  [names.uploadId]: [id],
  [names.offset]: [String(offset)],
  ...(commit !== undefined && { [names.uploadCommit]: [String(commit)] }),
});

test('a content that no file has any more is removed once no call can see it', async (t) => {
  const { request, count } = await start(t, { retiredKeptMs: 1 });
  await request('put', 'a', 'one');
  await request('put', 'b', 'one');
  await request('put', 'a', 'two');
  await request('delete', 'b');
  while ((await count('contents')) > 1);
  t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'two');
});

test('a content that comes back before it is removed stays', async (t) => {
  const { request, count } = await start(t, { retiredKeptMs: 1 });
  for (let times = 0; times < 50; times++) {
    await request('put', 'a', 'one');
    t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'one');
    await request('put', 'a', 'two');
    t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'two');
  }
  while ((await count('contents')) > 1);
});

test('a content is removed whose entry could not be written, and the file is what it was', async (t) => {
  let isFull = false;
  const { request, count } = await start(t, { retiredKeptMs: 1 }, (store) => ({
    ...store,
    async writeEntry(file) {
      if (isFull) throw new FaasmError('storage_unavailable', 'the disk is full');
      await store.writeEntry(file);
    },
  }));
  await request('put', 'a', 'one');
  isFull = true;
  await t.throwsAsync(request('put', 'a', 'two'), { code: 'storage_unavailable' } as object);
  while ((await count('contents')) > 1);
  t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'one');
  isFull = false;
  await request('put', 'a', 'two');
  t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'two');
});

test('an upload is seen when it is committed, and its parts follow each other', async (t) => {
  const { request, count } = await start(t);
  await request('put', 'a', 'hel', part('u', 0));
  await t.throwsAsync(request('describe', 'a'), { code: 'not_found' } as object);
  await request('put', 'a', 'lo', part('u', 3, 5));
  t.is(readBody(await request('describe', 'a'), fileDescriptionCodec).sizeBytes, 5);
  await request('put', 'b', 'hel', part('v', 0));
  await t.throwsAsync(request('put', 'b', 'lo', part('v', 4)), { code: 'conflict' } as object);
  await t.throwsAsync(request('put', 'b', 'lo', part('v', 3, 5)), { code: 'conflict' } as object);
  await request('put', 'b', 'hel', part('w', 0));
  await t.throwsAsync(request('put', 'c', 'lo', part('w', 3, 5)), { code: 'conflict' } as object);
  await request('put', 'b', 'hel', part('x', 0));
  await t.throwsAsync(request('put', 'b', 'lo', part('x', 3, 6)), { code: 'conflict' } as object);
  t.is(await count('drafts'), 0);
});

test('a user has so many uploads under way at most, and one that stops is forgotten', async (t) => {
  const { request, count } = await start(t, { uploadIdleMs: 50 });
  await request('put', 'a', 'x', part('u', 0));
  await request('put', 'b', 'x', part('v', 0));
  await t.throwsAsync(request('put', 'c', 'x', part('w', 0)), { code: 'too_many_requests' } as object);
  while ((await count('drafts')) > 0);
  await request('put', 'c', 'x', part('w', 0, 1));
});

test('what another host has written to the same storage is seen when it says so, and told here', async (t) => {
  const { bus, privateBus, open, request } = await start(t);
  const heard: string[] = [];
  privateBus.subscribe(privateSubjects.fileChanged(), (message) => {
    heard.push(readBody(message, filesOfCodec));
  });
  const there = await open();
  const draft = await there.createDraft();
  await draft.append(text('from there'));
  const version = await draft.finish();
  await draft.keep();
  const path = toFilePath('a');
  await there.writeEntry({ user: ada, path, sizeBytes: 10, version, modifiedAtMs: 1 });
  const say = () => {
    bus.publish(control.fileChanged(toHostId('there'), ada), new Encodable({ path }, fileChangedCodec));
  };
  say();
  await until(() => heard.length === 1);
  t.is(Buffer.from((await request('get', 'a')).body as Uint8Array).toString(), 'from there');
  await there.removeEntry(ada, path);
  say();
  await until(() => heard.length === 2);
  await t.throwsAsync(request('get', 'a'), { code: 'not_found' } as object);
});

test('get gives a part of a file, and refuses one that begins beyond its end', async (t) => {
  const { request, get } = await start(t);
  await request('put', 'a', '0123456789');
  const range = (offset: number, length: number) => ({
    [names.offset]: [String(offset)],
    [names.length]: [String(length)],
  });
  t.is(await get('a'), '0123456789');
  t.is(await get('a', range(2, 3)), '234');
  t.is(await get('a', range(8, 5)), '89');
  t.is(await get('a', range(10, 5)), '');
  await t.throwsAsync(get('a', range(11, 5)), { code: 'range_not_satisfiable' } as object);
  await t.throwsAsync(get('b'), { code: 'not_found' } as object);
});

test('list gives the files of a user by path, of a folder where one is named, after another', async (t) => {
  const { request, list } = await start(t);
  for (const path of ['b/2', 'a', 'b/1', 'c']) await request('put', path, path);
  t.deepEqual(await list({}), ['a', 'b/1', 'b/2', 'c']);
  t.deepEqual(await list({ folder: 'b' }), ['b/1', 'b/2']);
  t.deepEqual(await list({ after: toFilePath('b/1') }), ['b/2', 'c']);
  t.deepEqual(await list({}, toUserName('bob')), []);
});

test('put and delete keep to their conditions', async (t) => {
  const { request, get } = await start(t);
  const refused = { code: 'precondition_failed' } as object;
  const match = (version: string) => ({ [names.ifMatch]: [version] });
  const none = { [names.ifNoneMatch]: ['*'] };
  await t.throwsAsync(request('put', 'a', 'x', match('*')), refused);
  const { version } = readBody(await request('put', 'a', 'one', none), fileDescriptionCodec);
  await t.throwsAsync(request('put', 'a', 'x', none), refused);
  await request('put', 'a', 'two', match(version));
  await t.throwsAsync(request('put', 'a', 'x', match(version)), refused);
  await t.throwsAsync(request('delete', 'a', '', match(version)), refused);
  t.is(await get('a'), 'two');
  await request('delete', 'a', '', match('*'));
  await t.throwsAsync(request('delete', 'a'), { code: 'not_found' } as object);
});

test('put of what is there already changes nothing, and tells nobody', async (t) => {
  const { bus, request, count } = await start(t);
  let told = 0;
  bus.subscribe(control.fileChanged('*', '*'), () => void told++);
  const first = readBody(await request('put', 'a', 'one'), fileDescriptionCodec);
  t.is(told, 1);
  t.deepEqual(readBody(await request('put', 'a', 'one'), fileDescriptionCodec), first);
  t.is(told, 1);
  t.is(await count('drafts'), 0);
});

test('every change is told to functions here and to other hosts, and executors get the list', async (t) => {
  const { bus, privateBus, request } = await start(t);
  const told: string[] = [];
  bus.subscribe(control.fileChanged('*', '*'), (message) => {
    told.push(`${message.subject} ${readBody(message, fileChangedCodec).path}`);
  });
  privateBus.subscribe(privateSubjects.fileChanged(), (message) => {
    told.push(`here ${readBody(message, filesOfCodec)}`);
  });
  const index = async () => {
    const bytes = await createAskHost(privateBus)('files', 'index', ada, undefined);
    return (JSON.parse(new TextDecoder().decode(bytes as Uint8Array)) as [string, string, number][]).map(
      ([path, , size]) => `${path} ${size}`,
    );
  };
  t.deepEqual(await index(), []);
  await request('put', 'a', 'one');
  t.deepEqual(await index(), ['a 3']);
  await request('put', 'a', 'three');
  t.deepEqual(await index(), ['a 5']);
  await request('delete', 'a');
  t.deepEqual(await index(), []);
  const change = ['here ada', `${control.fileChanged(toHostId('here'), ada)} a`];
  t.deepEqual(told, [...change, ...change, ...change]);
});

test('put at an offset needs an upload, and a refused file leaves nothing behind', async (t) => {
  const { request, count, get } = await start(t);
  const at = { [names.offset]: ['0'] };
  await t.throwsAsync(request('put', 'a', 'x', at), { code: 'bad_request' } as object);
  await t.throwsAsync(request('put', 'a', 'x'.repeat(1001)), { code: 'too_large' } as object);
  await request('put', 'a', 'x'.repeat(999), part('u', 0));
  await t.throwsAsync(request('put', 'a', 'xx', part('u', 999)), { code: 'too_large' } as object);
  t.is(await count('drafts'), 0);
  await request('put', 'a', 'x'.repeat(1000), part('v', 0, 1000));
  t.is((await get('a')).length, 1000);
});

test('uploads of a user leave no other less', async (t) => {
  const { bus, request } = await start(t);
  for (const id of ['u', 'v']) await request('put', id, 'x', part(id, 0));
  const subject = subjects.files('put', toUserName('bob'), toFileToken(toFilePath('a')));
  for (const id of ['u', 'v']) {
    expectAnswer(await bus.request(subject, text('x'), { headers: part(id, 0, 1) }));
  }
  await request('put', 'u', 'x', part('u', 1, 2));
  await request('put', 'w', 'x', part('w', 0));
  t.pass();
});
