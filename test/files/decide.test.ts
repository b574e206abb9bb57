import test from 'ava';
import type { ErrorCode } from '../../proto/errors.ts';
import { type FilePath, foldersOf, toFilePath } from '../../proto/file-path.ts';
import { toUserName } from '../../proto/names.ts';
import type { Condition } from '../../src/bus/resource-headers.ts';
import {
  createFileIndex,
  type FileIndex,
  fileAt,
  listFiles,
  put,
  refuseDelete,
  refusePut,
  remove,
} from '../../src/files/decide.ts';
import { createRandom } from '../random.ts';

const ann = toUserName('ann');
const bob = toUserName('bob');
const limits = { fileMaxBytes: 100, userMaxBytes: 150, filesPerUserMax: 3 };

function indexOf(...files: [path: string, sizeBytes: number][]): FileIndex {
  const index = createFileIndex();
  for (const [path, sizeBytes] of files)
    put(index, ann, { path: toFilePath(path), sizeBytes, version: `v-${path}`, modifiedAtMs: 0 });
  return index;
}

interface Case {
  readonly files?: [path: string, sizeBytes: number][];
  readonly user?: typeof ann;
  readonly path: string;
  readonly bytes?: number;
  readonly condition?: Condition;
}

const refusal = test.macro<[Case, ErrorCode | undefined, RegExp?]>({
  exec(t, { files = [], user = ann, path, bytes = 1, condition = {} }, code, text = /./) {
    const error = refusePut(indexOf(...files), user, toFilePath(path), bytes, condition, limits);
    t.is(error?.code, code);
    if (error !== undefined) t.regex(error.message, text);
  },
  title: (_, each, code) => `refusePut() says ${code ?? 'yes'} to ${JSON.stringify(each)}`,
});

test(refusal, { path: 'a' }, undefined);
test(refusal, { path: 'a', bytes: 100 }, undefined);
test(refusal, { path: 'a', bytes: 101 }, 'too_large', /FAASM_SHARED_FILE_MAX_BYTES/);
test(refusal, { files: [['b', 60]], path: 'a', bytes: 90 }, undefined);
test(refusal, { files: [['b', 60]], path: 'a', bytes: 91 }, 'too_large', /PER_USER_MAX_BYTES/);
test(refusal, { files: [['a', 60]], path: 'a', bytes: 100 }, undefined);
test(
  refusal,
  {
    files: [
      ['b', 100],
      ['c', 50],
    ],
    user: bob,
    path: 'a',
    bytes: 100,
  },
  undefined,
);
const three: [string, number][] = [
  ['a', 1],
  ['b', 1],
  ['c', 1],
];
test(refusal, { files: three, path: 'd' }, 'too_many_requests', /FAASM_SHARED_FILES_PER_USER_MAX/);
test(refusal, { files: three, path: 'c' }, undefined);
test(refusal, { files: [['a/b/c', 1]], path: 'a/b' }, 'conflict', /it is a folder/);
test(refusal, { files: [['a/b/c', 1]], path: 'a/bc' }, undefined);
test(refusal, { files: [['a/b', 1]], path: 'a/b/c/d' }, 'conflict', /"a\/b" is a file/);
test(refusal, { path: 'a', condition: { ifMatch: '*' } }, 'precondition_failed', /does not exist/);
test(refusal, { files: [['a', 1]], path: 'a', condition: { ifMatch: '*' } }, undefined);
test(refusal, { files: [['a', 1]], path: 'a', condition: { ifMatch: 'v-a' } }, undefined);
test(refusal, { files: [['a', 1]], path: 'a', condition: { ifMatch: 'v-b' } }, 'precondition_failed', /v-a/);
test(
  refusal,
  { files: [['a', 1]], path: 'a', condition: { ifAbsent: true } },
  'precondition_failed',
  /exists/,
);
test(refusal, { path: 'a', condition: { ifAbsent: true } }, undefined);

test('refuseDelete() knows files, folders and nothing apart', (t) => {
  const index = indexOf(['a/b', 1]);
  const codeOf = (path: string, condition = {}) =>
    refuseDelete(index, ann, toFilePath(path), condition)?.code;
  t.is(codeOf('a/b'), undefined);
  t.is(codeOf('a'), 'conflict');
  t.is(codeOf('b'), 'not_found');
  t.is(codeOf('a/b', { ifMatch: 'x' }), 'precondition_failed');
  t.is(refuseDelete(index, bob, toFilePath('a/b'), {})?.code, 'not_found');
});

test('listFiles() gives the files of a folder and of all folders in it, in order', (t) => {
  const index = indexOf(['b/c', 1], ['bc', 1], ['b/a/x', 1], ['a', 1]);
  const paths = (folder?: string) => listFiles(index, ann, folder).map(({ path }) => path as string);
  t.deepEqual(paths(), ['a', 'b/a/x', 'b/c', 'bc']);
  t.deepEqual(paths('b'), ['b/a/x', 'b/c']);
  t.deepEqual(paths('b/a'), ['b/a/x']);
  t.deepEqual(paths('x'), []);
  t.deepEqual(listFiles(index, bob), []);
});

test('an index that is changed at random adds up, and no path is both file and folder', (t) => {
  const random = createRandom(7);
  const names = ['a', 'b', 'c'];
  const wide = { fileMaxBytes: 100, userMaxBytes: 400, filesPerUserMax: 8 };
  const index = createFileIndex();
  for (let step = 0; step < 3000; step++) {
    const user = random.pick([ann, bob]);
    const path = toFilePath(Array.from({ length: 1 + random.below(3) }, () => random.pick(names)).join('/'));
    const sizeBytes = random.below(110);
    if (random.below(10) < 6) {
      const file = { path, sizeBytes, version: random.pick(names), modifiedAtMs: step };
      if (refusePut(index, user, path, sizeBytes, {}, wide) === undefined) put(index, user, file);
    } else if (refuseDelete(index, user, path, {}) === undefined) remove(index, user, path);
    check(step);
  }

  function check(step: number): void {
    const contents = new Map<string, number>();
    for (const [user, mine] of index.users) {
      const files = [...mine.files.values()];
      t.true(files.length > 0 && files.length <= wide.filesPerUserMax, `step ${step}`);
      t.is(
        mine.sizeBytes,
        files.reduce((sum, each) => sum + each.sizeBytes, 0),
      );
      t.true(mine.sizeBytes <= wide.userMaxBytes);
      const folders = new Map<string, number>();
      for (const { path, version } of files) {
        contents.set(version, (contents.get(version) ?? 0) + 1);
        for (const folder of foldersOf(path)) {
          folders.set(folder, (folders.get(folder) ?? 0) + 1);
          t.is(fileAt(index, user, folder as FilePath), undefined);
        }
      }
      t.deepEqual(sorted(mine.folders), sorted(folders));
    }
    t.deepEqual(sorted(index.contents), sorted(contents));
  }
});

const sorted = (counts: ReadonlyMap<string, number>) =>
  [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
