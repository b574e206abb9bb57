import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { toFilePath } from '../../proto/file-path.ts';
import { toUserName } from '../../proto/names.ts';
import { openDiskStore } from '../../src/files/disk-store.ts';
import { fileStoreContract } from '../_contracts/file-store.ts';

async function open(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'faasm-files-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const damaged: string[] = [];
  const reopen = () => openDiskStore({ root, onDamaged: (file) => void damaged.push(file) });
  return { root, damaged, reopen, store: await reopen() };
}

fileStoreContract(test, 'disk', open);

test('disk: sweep() removes what a crash left an hour ago', async (t) => {
  const { root, store } = await open(t);
  const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (const path of ['contents/a', 'contents/b', 'drafts/c']) {
    await writeFile(join(root, path), 'x');
    await utimes(join(root, path), old, old);
  }
  await store.sweep(new Set(['b']));
  t.deepEqual(await readdir(join(root, 'contents')), ['b']);
  t.deepEqual(await readdir(join(root, 'drafts')), []);
});

test('disk: an entry that is damaged, or is of another path, is told apart from one that is not there', async (t) => {
  const { root, store } = await open(t);
  const user = toUserName('ann');
  const write = (path: string) =>
    store.writeEntry({
      user,
      path: toFilePath(path),
      sizeBytes: 1,
      modifiedAtMs: 1,
      version: 'a'.repeat(64),
    });
  await write('a');
  const folder = join(root, 'entries/ann');
  const [name] = await readdir(folder);
  await write('b');
  const other = (await readdir(folder)).find((each) => each !== name)!;
  t.is(await store.readEntry(user, toFilePath('c')), undefined);
  const corrupt = { code: 'storage_corrupt', message: /"a"/ } as object;
  for (const json of ['{"path":', await readFile(join(folder, other), 'utf8')]) {
    await writeFile(join(folder, name!), json);
    await t.throwsAsync(store.readEntry(user, toFilePath('a')), corrupt);
  }
});

test('disk: an entry that is damaged is reported and left out', async (t) => {
  const { root, damaged, reopen, store } = await open(t);
  const file = { user: toUserName('ann'), path: toFilePath('a'), sizeBytes: 1, modifiedAtMs: 1 };
  await store.writeEntry({ ...file, version: 'a'.repeat(64) });
  const [good] = await readdir(join(root, 'entries/ann'));
  const json = (value: object) => JSON.stringify({ ...file, version: 'b'.repeat(64), ...value });
  await writeFile(join(root, 'entries/ann/half.json'), '{"path":');
  await writeFile(join(root, 'entries/ann/up.json'), json({ path: '../b' }));
  await writeFile(join(root, 'entries/ann/other.json'), json({ path: 'b' }));
  await writeFile(join(root, 'entries/ann/rubbish.json'), json({ version: '../../etc/passwd' }));
  await writeFile(join(root, 'entries/ann/size.json'), json({ sizeBytes: -1 }));
  t.deepEqual(
    (await (await reopen()).list()).map(({ path }) => path as string),
    ['a'],
  );
  t.is(damaged.length, 5);
  t.false(damaged.some((path) => path.endsWith(good!)));
});
