import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { readSources } from '../../src/build/read-sources.ts';

async function folderWith(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-sources-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

test('readSources() reads the sources, the headers beside them and those in include folders', async (t) => {
  const folder = await folderWith(t, {
    'src/a.cpp': 'A',
    'src/other.cpp': 'not asked for',
    'src/a.h': 'H',
    'vendor/Lib/Dense': 'D',
    'vendor/Lib/deep/x.hpp': 'X',
    'vendor/Lib/deep/x.md': 'no header',
  });
  const { sources, includes } = await readSources(
    [join(folder, 'src/a.cpp')],
    [join(folder, 'vendor')],
    folder,
  );
  t.deepEqual(sources, [
    { path: 'src/a.cpp', text: 'A' },
    { path: 'src/a.h', text: 'H' },
    { path: 'vendor/Lib/Dense', text: 'D' },
    { path: 'vendor/Lib/deep/x.hpp', text: 'X' },
  ]);
  t.deepEqual(includes, ['vendor']);
});

test('readSources() keeps objects as bytes', async (t) => {
  const folder = await folderWith(t, { 'a.o': '\0asm' });
  const { sources } = await readSources([join(folder, 'a.o')], [], folder);
  t.deepEqual(sources, [{ path: 'a.o', text: new Uint8Array([0, 97, 115, 109]) }]);
});

test('readSources() names what is not there', async (t) => {
  const folder = await folderWith(t, {});
  const missing = await t.throwsAsync<FaasmError>(readSources([join(folder, 'gone.c')]), {
    message: /gone\.c/,
  });
  t.is(missing?.code, 'not_found');
});
