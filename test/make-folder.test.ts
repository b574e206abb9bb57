import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../src/make-folder.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-make-folder-'));
await writeFile(join(folder, 'file'), '');
await symlink('.', join(folder, 'link'));
test.after.always(() => rm(folder, { recursive: true, force: true }));

test('makeFolder() makes a folder and those above it, by many at once', async (t) => {
  const path = join(folder, 'a/b/c');
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
  t.true((await stat(path)).isDirectory());
});

test('makeFolder() takes a folder that is there, as what a link leads to', async (t) => {
  await t.notThrowsAsync(makeFolder(folder));
  await t.notThrowsAsync(makeFolder('.'));
  await t.notThrowsAsync(makeFolder('/'));
  await makeFolder(join(folder, 'link/behind'));
  t.true((await stat(join(folder, 'behind'))).isDirectory());
});

test('makeFolder() fails at a file, and below one', async (t) => {
  await t.throwsAsync(makeFolder(join(folder, 'file')), { code: 'EEXIST' });
  await t.throwsAsync(makeFolder(join(folder, 'file/x')), { code: 'ENOTDIR' });
});

if (process.platform === 'linux') {
  test('makeFolder() fails in a folder that takes no other', async (t) => {
    await t.throwsAsync(makeFolder('/proc/faasm/x'), { code: 'ENOENT' });
  });
}
