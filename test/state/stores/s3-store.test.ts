/** State in S3, on the strict server: values that are written once. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { toStateKey, toUserName } from '../../../proto/names.ts';
import { openS3Bucket } from '../../../src/s3/bucket.ts';
import { createS3Client } from '../../../src/s3/client.ts';
import { openS3StateStore } from '../../../src/state/stores/s3-store.ts';
import { type S3Server, startS3Server } from '../../_servers/s3-server.ts';
import { createRandom } from '../../random.ts';
import { startHost } from '../host.ts';

const ann = toUserName('ann');
const key = toStateKey('a/b');
const text = (value: string) => new TextEncoder().encode(value);
const refused = { code: 'conflict', message: /ann\/a\/b is immutable/ };

async function open(t: ExecutionContext, server: S3Server) {
  const client = await createS3Client({ ...server, region: 'us-east-1' });
  const uploadsFolder = mkdtempSync(join(tmpdir(), 'faasm-s3-state-'));
  t.teardown(() => {
    client.destroy();
    rmSync(uploadsFolder, { recursive: true, force: true });
  });
  const store = await openS3StateStore({
    bucket: await openS3Bucket(client, 'test', 'state/'),
    uploadsFolder,
  });
  return { store, uploadsFolder };
}

test('S3: a value is written once, whole or from pieces, and read by ranges', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  t.is(await store.get(ann, key), undefined);
  const made = await store.write(ann, key, { pieces: [{ offset: 2, bytes: text('abc') }], minSizeBytes: 7 });
  t.is(made.sizeBytes, 7);
  t.deepEqual(Buffer.from((await store.get(ann, key))!.bytes), Buffer.from('\0\0abc\0\0'));
  t.deepEqual(Buffer.from((await store.get(ann, key, 3, 100))!.bytes), Buffer.from('bc\0\0'));
  t.is((await store.get(ann, key, 100, 1))?.bytes.length, 0);
  t.deepEqual(await store.describe(ann, key), { sizeBytes: 7, version: made.version });
  t.deepEqual(server.keys('test'), ['state/ann/a=2Fb']);
});

test('S3: a second write, an append and an upload are refused, a delete is not', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  const first = await store.append(ann, key, text('first'));
  const change = { pieces: [{ offset: 0, bytes: text('second') }] };
  await t.throwsAsync(store.write(ann, key, change), refused);
  await t.throwsAsync(store.append(ann, key, text('x')), refused);
  await store.stage(ann, 'up', { offset: 0, bytes: text('x') });
  await t.throwsAsync(store.commit(ann, key, 'up', 1), refused);
  await t.throwsAsync(store.write(ann, key, change, { ifAbsent: true }), { code: 'precondition_failed' });
  t.is(Buffer.from((await store.get(ann, key))!.bytes).toString(), 'first');
  await t.throwsAsync(store.delete(ann, key, { expectVersion: first.version + 1 }), {
    code: 'precondition_failed',
  });
  t.true(await store.delete(ann, key, { expectVersion: first.version }));
  t.false(await store.delete(ann, key));
  const again = await store.write(ann, key, change);
  t.not(again.version, first.version);
});

test('S3: of many hosts that write one value at once, one does', async (t) => {
  await using server = await startS3Server();
  const stores = await Promise.all(Array.from({ length: 6 }, () => open(t, server)));
  const writes = stores.map(({ store }, at) =>
    store.write(ann, key, { pieces: [{ offset: 0, bytes: Uint8Array.of(at) }] }),
  );
  const settled = await Promise.allSettled(writes);
  t.is(settled.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('S3: an upload goes in parts, however its pieces come, and leaves nothing behind', async (t) => {
  await using server = await startS3Server();
  const { store, uploadsFolder } = await open(t, server);
  const bytes = createRandom(4).bytes(40 * 1024 * 1024);
  const half = bytes.length / 2;
  await store.stage(ann, 'up', { offset: half, bytes: bytes.subarray(half) });
  await store.stage(ann, 'up', { offset: 0, bytes: bytes.subarray(0, half) });
  await store.commit(ann, key, 'up', bytes.length);
  t.true(Buffer.from((await store.get(ann, key))!.bytes).equals(bytes));
  await t.throwsAsync(store.commit(ann, toStateKey('x'), 'none', 1), { code: 'not_found' });
  await store.stage(ann, 'given-up', { offset: 0, bytes: text('x') });
  await store.discard(ann, 'given-up');
  t.is(server.openUploads(), 0);
  await store.close();
  t.false(existsSync(uploadsFolder));
});

test('S3: list() and usage() of one user', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  const keys = Array.from({ length: 25 }, (_, at) => toStateKey(`k${String(at).padStart(2, '0')}`));
  for (const each of keys) await store.write(ann, each, { pieces: [{ offset: 0, bytes: text('1234') }] });
  await store.write(toUserName('ann2'), key, { pieces: [{ offset: 0, bytes: text('x') }] });
  const first = await store.list(ann, undefined, 10);
  const rest = await store.list(ann, first.at(-1)!.key, 100);
  t.deepEqual(
    [...first, ...rest].map((found) => found.key),
    keys,
  );
  t.is(await store.usage(ann), 100);
});

test('S3: what was read is read again without asking', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  const host = await startHost(t, { store });
  await store.write(ann, key, { pieces: [{ offset: 0, bytes: text('kept') }] });
  const guest = host.executor('x1').begin(ann);
  const into = new Uint8Array(4);
  const read = async () => {
    await guest.pull(key);
    await guest.read(key, 0, () => into);
    return Buffer.from(into).toString();
  };
  t.is(await read(), 'kept');
  const before = server.count('GET') + server.count('HEAD');
  t.is(await read(), 'kept');
  t.is(server.count('GET') + server.count('HEAD'), before);
});

test('S3: a guest reads, and writes once; what would change a value is refused, asynchronously too', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  const host = await startHost(t, { store });
  const guest = host.executor('x1').begin(ann);
  await guest.write(key, text('first'), false);
  t.is(Buffer.from((await store.get(ann, key))!.bytes).toString(), 'first');
  for (const sync of [true, false]) {
    await t.throwsAsync(async () => guest.write(key, text('other'), sync), refused);
    await t.throwsAsync(async () => guest.writeAt(key, 5, 0, text('x'), sync), refused);
  }
  await t.throwsAsync(guest.append(key, text('x')), refused);
  const segment = await guest.open(key, 5);
  t.truthy(segment);
  t.throws(() => guest.flagDirty(key), { code: 'conflict', message: /is immutable/ });
  await t.throwsAsync(async () => guest.open(key, 6), { code: 'conflict' });
  await t.throwsAsync(async () => guest.open(toStateKey('none'), 6), { code: 'conflict' });
  const into = new Uint8Array(5);
  await guest.read(key, 0, () => into);
  t.is(Buffer.from(into).toString(), 'first');
});

test('S3: a range of a large value is read where it is', async (t) => {
  await using server = await startS3Server();
  const { store } = await open(t, server);
  const host = await startHost(t, { store });
  const size = 257 * 1024 * 1024;
  await store.stage(ann, 'up', { offset: 200_000_000, bytes: text('there') });
  await store.commit(ann, key, 'up', size);
  const guest = host.executor('x1').begin(ann);
  const into = new Uint8Array(7);
  await guest.pull(key);
  t.is(await guest.readAt(key, size, 199_999_999, () => into), 7);
  t.is(Buffer.from(into).toString(), '\0there\0');
  t.is(await guest.size(key), size);
  t.is(await guest.read(key, size - 3, () => into), 3);
  const answer = await host.ask('read', ann, key, { offset: 200_000_000, length: 5 });
  t.deepEqual(answer, { sizeBytes: size, bytes: text('there') });
});
