import test from 'ava';
import { type FilePath, foldersOf, fromFileToken, toFilePath, toFileToken } from '../../proto/file-path.ts';

const taken = [
  'a',
  'a/b.txt',
  '...',
  'a/..b/.c',
  'tmp/x',
  'tmpx',
  'a b',
  'é/ü',
  ' ',
  'a\\b',
  'x'.repeat(255),
];
for (const path of [
  ...taken,
  `${'d'.repeat(255)}/${'e'.repeat(255)}/`.slice(0, -1),
  '\u{1f600}'.repeat(63),
]) {
  test(`toFilePath() takes ${JSON.stringify(path).slice(0, 40)}, and its token leads back to it`, (t) => {
    const checked = toFilePath(path);
    const token = toFileToken(checked);
    t.regex(token, /^[A-Za-z0-9_=-]+$/);
    t.is(fromFileToken(token), checked);
  });
}

const refused = ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', 'a/..', 'a\0b', 'tmp', '\ud800'];
for (const path of [...refused, 'x'.repeat(256), 'é'.repeat(128), `${'a/'.repeat(256)}b`]) {
  test(`toFilePath() refuses ${JSON.stringify(path).slice(0, 40)} of ${path.length}`, (t) => {
    t.throws(() => toFilePath(path), { code: 'bad_name' } as object);
  });
}

for (const token of ['', 'a.b', 'a b', '=2F', '=FF', '=61', '=2E=2E', '=2', '*', '=00']) {
  test(`fromFileToken() refuses ${JSON.stringify(token)}`, (t) => {
    t.throws(() => fromFileToken(token), { code: 'bad_name' } as object);
  });
}

test('foldersOf() gives the folders above, from the outermost on', (t) => {
  t.deepEqual(foldersOf('a' as FilePath), []);
  t.deepEqual(foldersOf('a/b/c' as FilePath), ['a', 'a/b']);
});
