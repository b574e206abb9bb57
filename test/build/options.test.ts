import test from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { sourcesMaxBytes, toBuildFlags, toBuildSources, toTreePath } from '../../src/build/options.ts';

const becomes = test.macro((t, path: string, treePath: string) => t.is(toTreePath(path), treePath));

test('toTreePath() keeps a plain path', becomes, 'func/demo/hello.cpp', 'func/demo/hello.cpp');
test('toTreePath() drops what leads nowhere', becomes, './a//b/./c.c', 'a/b/c.c');
test('toTreePath() goes up, and never out', becomes, '../../a/../b.c', 'b.c');
test('toTreePath() drops a root', becomes, '/home/me/a.c', 'home/me/a.c');
test('toTreePath() drops a drive', becomes, 'C:\\me\\a.c', 'me/a.c');
test("toTreePath() keeps clear of the toolchain's own files", becomes, '/usr/lib/a.c', 'source/usr/lib/a.c');
test('toTreePath() gives the top a name', becomes, './', '.');

test('toBuildFlags() optimizes unless told otherwise', (t) => {
  t.deepEqual(toBuildFlags(), { optimize: '3', defines: [], includes: [], extra: [] });
});

test('toBuildFlags() refuses too many flags', (t) => {
  const error = t.throws<FaasmError>(() => toBuildFlags({ extra: Array(201).fill('-g') }));
  t.is(error?.code, 'bad_request');
});

test('toBuildSources() refuses sources that are too large', (t) => {
  const half = new Uint8Array(sourcesMaxBytes / 2 + 1);
  const error = t.throws<FaasmError>(() =>
    toBuildSources([
      { path: 'a.c', text: half },
      { path: 'b.c', text: half },
    ]),
  );
  t.is(error?.code, 'too_large');
});

test('toBuildSources() refuses too many sources', (t) => {
  const sources = Array.from({ length: 5_001 }, (_, at) => ({ path: `${at}.c`, text: '' }));
  t.is(t.throws<FaasmError>(() => toBuildSources(sources))?.code, 'too_large');
});
