/** The files actor on a bus of its own: what it does beside answering. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type FilesOptions, startFiles } from '../../actors/files.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { toFilePath, toFileToken } from '../../proto/file-path.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, type Headers, readBody } from '../../src/bus/port.ts';
import { openDiskStore } from '../../src/files/disk-store.ts';
import { fileChangedCodec, fileDescriptionCodec, filesOfCodec } from '../../src/files/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { silentLog, subjects, until } from '../http/_bridge.ts';

const control = createControlSubjects();
const ada = toUserName('ada');
const text = (value: string) => new TextEncoder().encode(value);

async function start(t: ExecutionContext, config: Partial<FilesOptions['config']> = {}) {
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
    store: await open(),
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
  const count = async (folder: string) => (await readdir(join(root, folder))).length;
  return { bus, privateBus, open, request, count };
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
