import test from 'ava';
import type { ErrorCode } from '../../proto/errors.ts';
import { type FilePath, foldersOf, toFilePath } from '../../proto/file-path.ts';
import { toUserName } from '../../proto/names.ts';
import type { Condition } from '../../src/bus/resource-headers.ts';
import {
  arrive,
  createFileIndex,
  type FileIndex,
  type FilePart,
  fileAt,
  listFiles,
  put,
  refuseDelete,
  refusePart,
  refusePut,
  remove,
  settle,
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

const following = test.macro<[number | undefined, Partial<FilePart>, ErrorCode | undefined]>({
  exec(t, begunBytes, part, code) {
    const begun = begunBytes === undefined ? undefined : { path: toFilePath('a'), sizeBytes: begunBytes };
    const wanted = { path: toFilePath('a'), offset: undefined, commitBytes: undefined, ...part };
    t.is(refusePart(begun, { sizeBytes: (begunBytes ?? 0) + 2, ...wanted })?.code, code);
  },
  title: (_, begunBytes, part, code) =>
    `refusePart() says ${code ?? 'yes'} to ${JSON.stringify(part)} of 2 bytes after ${begunBytes ?? 'nothing'}`,
});
test(following, undefined, {}, undefined);
test(following, undefined, { offset: 0 }, undefined);
test(following, undefined, { offset: 1 }, 'conflict');
test(following, undefined, { commitBytes: 2 }, undefined);
test(following, undefined, { commitBytes: 3 }, 'conflict');
test(following, 5, {}, undefined);
test(following, 5, { offset: 5 }, undefined);
test(following, 5, { offset: 0 }, 'conflict');
test(following, 5, { offset: 4 }, 'conflict');
test(following, 5, { path: toFilePath('b') }, 'conflict');
test(following, 5, { offset: 5, commitBytes: 7 }, undefined);
test(following, 5, { offset: 5, commitBytes: 6 }, 'conflict');

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
  const arriving: string[] = [];
  for (let step = 0; step < 3000; step++) {
    if (random.below(4) === 0) {
      arriving.push(random.pick(names));
      arrive(index, arriving.at(-1)!);
    } else if (arriving.length > 0 && random.below(3) === 0) settle(index, arriving.shift()!);
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
    for (const version of arriving) contents.set(version, (contents.get(version) ?? 0) + 1);
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
