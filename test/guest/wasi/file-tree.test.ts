import test from 'ava';
import { createFileTree, type FileTreeEntry } from '../../../src/guest/wasi/file-tree.ts';
import { Guest } from './guest.ts';

const bytes = new Uint8Array([1]);

test('createFileTree() makes the directories above, and /tmp', (t) => {
  const guest = new Guest({ files: { 'a/b/c.txt': 'c', 'a/d': { directory: true } } });
  t.deepEqual(guest.names('.'), ['.', '..', 'tmp', 'a']);
  t.deepEqual(guest.names('a'), ['.', '..', 'b', 'd']);
  t.deepEqual(guest.names('tmp'), ['.', '..']);
});

test('createFileTree() takes a directory twice, before and after what is in it', (t) => {
  const entries: [string, FileTreeEntry][] = [
    ['a', { directory: true }],
    ['a/b', bytes],
    ['a', { directory: true }],
    ['tmp', { directory: true }],
  ];
  t.notThrows(() => createFileTree(entries));
});

test('createFileTree() gives every inode a number of its own', (t) => {
  const tree = createFileTree([
    ['a/b', bytes],
    ['a/c', { link: 'b' }],
    ['d', bytes],
  ]);
  t.is(tree.lastInodeNumber, 6);
});

const refuses = test.macro({
  title: (_, ...paths: string[]) =>
    `createFileTree() refuses ${paths.map((path) => JSON.stringify(path)).join(' and ')}`,
  exec(t, ...paths: string[]) {
    t.throws(() => createFileTree(paths.map((path) => [path, bytes])), { instanceOf: TypeError });
  },
});

test(refuses, '');
test(refuses, '/a');
test(refuses, 'a/');
test(refuses, 'a//b');
test(refuses, './a');
test(refuses, 'a/../b');
test(refuses, 'a\0');
test(refuses, 'a', 'a');
test(refuses, 'a', 'a/b');
test(refuses, 'tmp');
