/** What every storage of shared files has to do. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { toFilePath } from '../../proto/file-path.ts';
import { toUserName } from '../../proto/names.ts';
import type { FileStore, StoredFile } from '../../src/files/port.ts';

const ann = toUserName('ann');
const bob = toUserName('bob');
const text = (value: string) => new TextEncoder().encode(value);
const sha256 = (value: string) => createHash('sha256').update(value).digest('hex');

const entry = (user: StoredFile['user'], path: string, content: string): StoredFile => ({
  user,
  path: toFilePath(path),
  sizeBytes: content.length,
  version: sha256(content),
  modifiedAtMs: 1234,
});

async function keep(store: FileStore, ...parts: string[]): Promise<string> {
  const draft = await store.createDraft();
  for (const part of parts) await draft.append(text(part));
  const content = await draft.finish();
  await draft.keep();
  return content;
}

/** @param open a store with nothing in it, and the same again for who asks `reopen` */
export function fileStoreContract(
  test: TestFn,
  name: string,
  open: (t: ExecutionContext) => Promise<{ store: FileStore; reopen(): Promise<FileStore> }>,
): void {
  const check = (
    title: string,
    run: (t: ExecutionContext, store: FileStore, reopen: () => Promise<FileStore>) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, async (t) => {
      const { store, reopen } = await open(t);
      await run(t, store, reopen);
    });

  check('a content is named by its sha256, and read by whoever has its folder', async (t, store) => {
    const content = await keep(store, 'hel', 'lo');
    t.is(content, sha256('hello'));
    t.is(await readFile(join(store.contentFolder, content), 'utf8'), 'hello');
    t.deepEqual(Buffer.from(await store.readContent(content, 0, 100)).toString(), 'hello');
    t.deepEqual(Buffer.from(await store.readContent(content, 1, 3)).toString(), 'ell');
    t.is((await store.readContent(content, 5, 10)).length, 0);
  });

  check('an empty content is one too', async (t, store) => {
    const content = await keep(store);
    t.is((await store.readContent(content, 0, 10)).length, 0);
  });

  check('a content can be kept twice, and be removed twice', async (t, store) => {
    t.is(await keep(store, 'same'), await keep(store, 'sa', 'me'));
    const content = sha256('same');
    t.is((await store.readContent(content, 0, 10)).length, 4);
    await store.removeContent(content);
    await store.removeContent(content);
    await t.throwsAsync(store.readContent(content, 0, 10), { code: 'not_found' } as object);
  });

  check('a draft that is abandoned leaves nothing, whether it was finished or not', async (t, store) => {
    const [open, finished] = [await store.createDraft(), await store.createDraft()];
    await open.append(text('x'));
    await open.abandon();
    await finished.append(text('y'));
    const content = await finished.finish();
    await finished.abandon();
    await t.throwsAsync(store.readContent(content, 0, 1), { code: 'not_found' } as object);
  });

  check('entries are those that were written last, of each user', async (t, store, reopen) => {
    await store.writeEntry(entry(ann, 'a/b.txt', 'one'));
    await store.writeEntry(entry(ann, 'a/b.txt', 'two'));
    await store.writeEntry(entry(ann, 'é/ü ü', 'three'));
    await store.writeEntry(entry(bob, 'a/b.txt', 'four'));
    await store.writeEntry(entry(bob, 'gone', 'five'));
    await store.removeEntry(bob, toFilePath('gone'));
    await store.removeEntry(bob, toFilePath('never'));
    const found = await (await reopen()).list();
    const rows = found.map(({ user, path, version }) => `${user} ${path} ${version}`);
    t.deepEqual(
      rows.sort(),
      [
        `ann a/b.txt ${sha256('two')}`,
        `ann é/ü ü ${sha256('three')}`,
        `bob a/b.txt ${sha256('four')}`,
      ].sort(),
    );
    t.deepEqual(await store.readEntry(ann, toFilePath('a/b.txt')), entry(ann, 'a/b.txt', 'two'));
    t.is(await store.readEntry(ann, toFilePath('a')), undefined);
  });

  check('paths of the greatest length have entries', async (t, store) => {
    const path = `${'d'.repeat(255)}/${'é'.repeat(127)}`;
    await store.writeEntry(entry(ann, path, 'x'));
    t.is((await store.list())[0]?.path as string, path);
  });

  check('sweep() leaves what is used, and what may be about to be', async (t, store) => {
    const used = await keep(store, 'used');
    const fresh = await keep(store, 'fresh');
    const draft = await store.createDraft();
    await store.sweep(new Set([used]));
    await draft.append(text('z'));
    t.is(await draft.finish(), sha256('z'));
    await draft.keep();
    t.is((await store.readContent(used, 0, 10)).length, 4);
    t.is((await store.readContent(fresh, 0, 10)).length, 5);
  });
}
