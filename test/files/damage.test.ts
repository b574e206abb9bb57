/** Contents of shared files that were changed on the disk. */
import { mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { blockBytes } from '../../src/files/block-sums.ts';
import { openDiskStore } from '../../src/files/disk-store.ts';
import type { FileStore } from '../../src/files/port.ts';
import { FileContents } from '../../src/guest/files/file-contents.ts';
import { ErrnoFailure } from '../../src/guest/wasi/errno.ts';
import { createRandom } from '../random.ts';

const bytes = createRandom(5).bytes(3 * blockBytes + 100);
const corrupt = { code: 'storage_corrupt' } as object;

async function keep(store: FileStore): Promise<string> {
  const draft = await store.createDraft();
  await draft.append(bytes.subarray(0, 1000));
  await draft.append(bytes.subarray(1000));
  const content = await draft.finish();
  await draft.keep();
  return content;
}

async function open(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'faasm-files-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const store = await openDiskStore({ root, onDamaged: () => {} });
  const content = await keep(store);
  const path = join(root, 'contents', content);
  const change = async (at: number) => {
    const found = await readFile(path);
    found[at]! ^= 4;
    await unlink(path);
    await writeFile(path, found);
  };
  const guest = (offset: number, length: number) => {
    const into = new Uint8Array(length);
    new FileContents(store.contentFolder).content(content, bytes.length).read(offset, into);
    return into;
  };
  return { root, store, content, path, change, guest };
}

test('a flipped byte is found by who reads its block, and by no one else', async (t) => {
  const { store, content, change, guest } = await open(t);
  await change(blockBytes + 17);
  await t.throwsAsync(store.readContent(content, blockBytes, 10), corrupt);
  await t.throwsAsync(store.readContent(content, 0, bytes.length), corrupt);
  t.throws(() => guest(blockBytes - 5, 10), { instanceOf: ErrnoFailure, any: true });
  t.deepEqual(
    await store.readContent(content, 2 * blockBytes + 5, 50),
    bytes.slice(2 * blockBytes + 5).slice(0, 50),
  );
  t.deepEqual(guest(2 * blockBytes, blockBytes + 100), bytes.slice(2 * blockBytes));
  await keep(store);
  t.deepEqual(await store.readContent(content, 0, bytes.length), bytes, 'it was written anew');
  t.deepEqual(guest(0, bytes.length), bytes);
});

test('a content that is cut off is damaged', async (t) => {
  const { store, content, path, guest } = await open(t);
  await rm(path, { force: true });
  await writeFile(path, bytes);
  await truncate(path, blockBytes + 1);
  await t.throwsAsync(store.readContent(content, blockBytes, 10), corrupt);
  t.throws(() => guest(blockBytes, 1), { instanceOf: ErrnoFailure, any: true });
});

for (const [how, harm] of [
  ['gone, as an older release leaves it', (path: string) => rm(path)],
  ['damaged', (path: string) => writeFile(path, 'xxxxxxxx')],
] as const) {
  test(`without sums a content is verified as a whole: they are ${how}`, async (t) => {
    const { root, store, content, change, guest } = await open(t);
    const sums = join(root, 'sums', content);
    const made = await readFile(sums);
    await harm(sums);
    t.deepEqual(guest(10, 20), bytes.slice(10, 30));
    t.deepEqual(await store.readContent(content, 10, 20), bytes.slice(10, 30));
    t.deepEqual(await readFile(sums), made, 'they are made anew');
    await harm(sums);
    await change(3);
    t.throws(() => guest(2 * blockBytes, 20), { instanceOf: ErrnoFailure, any: true });
    await t.throwsAsync(store.readContent(content, 2 * blockBytes, 20), corrupt);
  });
}
