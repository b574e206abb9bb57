import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ErrorCode, FaasmError } from '../../proto/errors.ts';
import { discoverFunctions } from '../../src/build/discover-functions.ts';

async function folderWith(t: ExecutionContext, paths: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-func-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const path of paths) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), '');
  }
  return folder;
}

test('discoverFunctions() finds C and C++ of all users, in order', async (t) => {
  const folder = await folderWith(t, [
    'demo/b.cpp',
    'demo/a.c',
    'alice/z.cc',
    'demo/notes.md',
    'demo/deep/x.cpp',
    'include/faasm/faasm.h',
    'include/x.c',
    'lib/entry.cpp',
    'top.cpp',
  ]);
  t.deepEqual(
    (await discoverFunctions(folder)).map(
      ({ user, name, path }) => `${user}/${name} ${path.slice(folder.length + 1)}`,
    ),
    [`alice/z ${join('alice', 'z.cc')}`, `demo/a ${join('demo', 'a.c')}`, `demo/b ${join('demo', 'b.cpp')}`],
  );
});

test('discoverFunctions() finds nothing where there is no folder', async (t) => {
  t.deepEqual(await discoverFunctions(join(tmpdir(), 'faasm-no-such-folder')), []);
});

const refuses = test.macro(async (t, paths: readonly string[], code: ErrorCode, message: RegExp) => {
  const error = await t.throwsAsync<FaasmError>(discoverFunctions(await folderWith(t, paths)), { message });
  t.is(error?.code, code);
});

test(
  'discoverFunctions() refuses a name that no function can have',
  refuses,
  ['demo/a b.cpp'],
  'bad_name',
  /"a b"/,
);
test(
  'discoverFunctions() refuses two sources of one function',
  refuses,
  ['demo/a.c', 'demo/a.cpp'],
  'conflict',
  /a\.c and .*a\.cpp/,
);
