import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openDataFolder } from '../../src/storage/data-folder.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-data-'));
await writeFile(join(folder, 'file'), '');
test.after.always(() => rm(folder, { recursive: true, force: true }));

test('openDataFolder() makes the folder, with those above it', async (t) => {
  await openDataFolder(join(folder, 'a/b'));
  await openDataFolder(join(folder, 'a/b'));
  t.true((await stat(join(folder, 'a/b'))).isDirectory());
});

const refuses = test.macro(async (t, path: string, why: RegExp) => {
  const error = await t.throwsAsync(openDataFolder(path), { code: 'storage_unavailable' });
  t.regex(error!.message, why);
  t.regex(error!.message, /FAASM_DATA/);
});
test('openDataFolder() refuses a file', refuses, join(folder, 'file'), /it is a file, not a folder/);
test(
  'openDataFolder() refuses a folder in a file',
  refuses,
  join(folder, 'file/x'),
  /a part of it is a file/,
);
test(
  'openDataFolder() refuses what cannot be made',
  refuses,
  '/proc/faasm',
  /Cannot keep data in "\/proc\/faasm": /,
);
