import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ErrorCode } from '../../proto/errors.ts';
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
    'lib/exec_entry.cpp',
    'top.cpp',
  ]);
  const { functions, refused } = await discoverFunctions(folder);
  t.deepEqual(
    functions.map(({ user, name, path }) => `${user}/${name} ${path.slice(folder.length + 1)}`),
    [`alice/z ${join('alice', 'z.cc')}`, `demo/a ${join('demo', 'a.c')}`, `demo/b ${join('demo', 'b.cpp')}`],
  );
  t.deepEqual(refused, []);
});

test('discoverFunctions() finds nothing where there is no folder', async (t) => {
  const found = await discoverFunctions(join(tmpdir(), 'faasm-no-such-folder'));
  t.deepEqual(found, { functions: [], refused: [] });
});

const refuses = test.macro(
  async (t, path: string, others: readonly string[], code: ErrorCode, message: RegExp) => {
    const folder = await folderWith(t, [...others, path]);
    const { functions, refused } = await discoverFunctions(folder);
    t.deepEqual(
      functions.map((fn) => fn.path),
      others.map((other) => join(folder, other)),
    );
    t.deepEqual(
      refused.map((each) => [each.path, each.error.code]),
      [[join(folder, path), code]],
    );
    t.regex(refused[0]!.error.message, message);
  },
);

const good = ['alice/z.c', 'demo/a.c', 'demo/z.c'];

test(
  'discoverFunctions() refuses a name that no function can have, and that alone',
  refuses,
  'demo/a b.cpp',
  good,
  'bad_name',
  /function name "a b"/,
);
test(
  'discoverFunctions() refuses what is in a folder that no user can have, and that alone',
  refuses,
  'a b/a.c',
  good,
  'bad_name',
  /user name "a b"/,
);
test(
  'discoverFunctions() refuses the second source of a function, and that alone',
  refuses,
  'demo/a.cpp',
  good,
  'conflict',
  /a\.c is the same function/,
);
