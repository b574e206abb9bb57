import test from 'ava';
import { fdFlag, openFlag } from '../../../src/guest/wasi/layout.ts';
import { right } from '../../../src/guest/wasi/rights.ts';
import { everyRight, Guest, memoryBytes, type OpenOptions, out, readRights, root } from './guest.ts';

const { create, directory, exclusive, truncate } = openFlag;

/** `file`, `dir/inner`, and symbolic links to them, to nothing, to themselves and to the outside. */
const files = {
  file: 'text',
  'dir/inner': 'inner',
  toFile: { link: 'file' },
  toDir: { link: 'dir' },
  toDirSlash: { link: 'dir/' },
  toFileSlash: { link: 'file/' },
  toInner: { link: './dir/../dir/inner' },
  dangling: { link: 'dir/made' },
  loop: { link: 'loop' },
  ping: { link: 'pong' },
  pong: { link: 'ping' },
  up: { link: '../file' },
  absolute: { link: '/file' },
  'dir/upToFile': { link: '../file' },
  'dir/upTwice': { link: '../../file' },
} as const;

const read: OpenOptions = { rights: readRights };
const stay: OpenOptions = { rights: readRights, follow: false };

const opens = test.macro({
  title: (_, path: string, options: OpenOptions, expected: string) =>
    `path_open(${JSON.stringify(path)}, ${JSON.stringify(options)}) ${expected}`,
  exec(t, path: string, options: OpenOptions, expected: string) {
    const guest = new Guest({ files });
    let found: string;
    try {
      const fd = guest.open(path, options);
      found = `opens ${guest.read(fd, 100)}`;
    } catch (thrown) {
      found = `answers ${(thrown as Error).message}`;
    }
    t.is(found, expected);
  },
});

test(opens, 'file', read, 'opens text');
test(opens, './/file', read, 'opens text');
test(opens, 'dir/../file', read, 'opens text');
test(opens, 'dir/inner', read, 'opens inner');
test(opens, 'dir', read, 'opens isdir');
test(opens, 'dir/', read, 'opens isdir');
test(opens, '.', read, 'opens isdir');
test(opens, 'dir/..', read, 'opens isdir');
test(opens, '', read, 'answers noent');
test(opens, 'none', read, 'answers noent');
test(opens, 'none/', read, 'answers noent');
test(opens, 'none/file', read, 'answers noent');
test(opens, 'file/', read, 'answers notdir');
test(opens, 'file/.', read, 'answers notdir');
test(opens, 'file/..', read, 'answers notdir');
test(opens, 'file/none', read, 'answers notdir');
test(opens, '..', read, 'answers notcapable');
test(opens, 'dir/../../file', read, 'answers notcapable');
test(opens, '/file', read, 'answers notcapable');
test(opens, '/', read, 'answers notcapable');
test(opens, 'file\0', read, 'answers inval');
test(opens, 'n'.repeat(255), read, 'answers noent');
test(opens, 'n'.repeat(256), read, 'answers nametoolong');
test(opens, 'é'.repeat(127), read, 'answers noent');
test(opens, 'é'.repeat(128), read, 'answers nametoolong');
test(opens, `${'./'.repeat(2046)}file`, read, 'opens text');
test(opens, `${'./'.repeat(2047)}file`, read, 'answers nametoolong');

test(opens, 'toFile', read, 'opens text');
test(opens, 'toInner', read, 'opens inner');
test(opens, 'toDir/inner', read, 'opens inner');
test(opens, 'toDir/inner', stay, 'opens inner');
test(opens, 'toDirSlash/inner', read, 'opens inner');
test(opens, 'toFileSlash', read, 'answers notdir');
test(opens, 'dir/upToFile', read, 'opens text');
test(opens, 'dir/upTwice', read, 'answers notcapable');
test(opens, 'toFile', stay, 'answers loop');
test(opens, 'toDir', stay, 'answers loop');
test(opens, 'toDir/', stay, 'opens isdir');
test(opens, 'toFile/', stay, 'answers notdir');
test(opens, 'dangling', read, 'answers noent');
test(opens, 'loop', read, 'answers loop');
test(opens, 'ping/x', read, 'answers loop');
test(opens, 'up', read, 'answers notcapable');
test(opens, 'absolute', read, 'answers notcapable');

test(opens, 'dir', { ...read, flags: directory }, 'opens isdir');
test(opens, 'toDir', { ...read, flags: directory }, 'opens isdir');
test(opens, 'toDir', { ...stay, flags: directory }, 'answers notdir');
test(opens, 'file', { ...read, flags: directory }, 'answers notdir');
test(opens, 'toFile', { ...read, flags: directory }, 'answers notdir');
test(opens, 'none', { ...read, flags: directory }, 'answers noent');
test(opens, 'dir', { rights: everyRight }, 'answers isdir');
test(opens, 'dir', { rights: right.fdWrite, flags: directory }, 'answers isdir');

test(opens, 'made', { flags: create }, 'opens ');
test(opens, 'file', { flags: create }, 'opens text');
test(opens, 'dir', { ...read, flags: create }, 'answers isdir');
test(opens, 'made/', { flags: create }, 'answers isdir');
test(opens, 'none/made', { flags: create }, 'answers noent');
test(opens, 'file/made', { flags: create }, 'answers notdir');
test(opens, 'made', { flags: create | directory }, 'answers inval');
test(opens, 'dangling', { flags: create }, 'opens ');
test(opens, 'dangling', { flags: create, follow: false }, 'answers loop');
test(opens, 'made', { flags: create | exclusive }, 'opens ');
test(opens, 'file', { flags: create | exclusive }, 'answers exist');
test(opens, 'dir', { flags: create | exclusive }, 'answers exist');
test(opens, 'dangling', { flags: create | exclusive }, 'answers exist');
test(opens, 'file', { flags: truncate }, 'opens ');
test(opens, 'dir', { ...read, flags: truncate }, 'answers isdir');

test(opens, 'file', { ...read, flags: 16 }, 'answers inval');
test(opens, 'file', { ...read, fdFlags: 32 }, 'answers inval');
test(opens, 'file', { ...read, fdFlags: 31 }, 'opens text');
test(opens, 'file', { rights: 2 ** 30 }, 'answers notcapable');
test(opens, 'file', { rights: right.fdRead, inheriting: 2 ** 31 }, 'answers notcapable');
test(opens, 'file', { from: 1 }, 'answers notdir');
test(opens, 'file', { from: 20 }, 'answers badf');

test('path_open() through a link that dangles makes the target', (t) => {
  const guest = new Guest({ files });
  guest.write(guest.open('dangling', { flags: create }), 'new');
  t.is(guest.content('dir/made'), 'new');
});

test('path_open() from a file answers notdir', (t) => {
  const guest = new Guest({ files });
  t.throws(() => guest.open('x', { from: guest.open('file') }), { message: 'notdir' });
});

test('path_open() keeps within the directory it starts from', (t) => {
  const guest = new Guest({ files });
  const from = guest.openDirectory('dir');
  t.is(guest.read(guest.open('inner', { from }), 10), 'inner');
  t.throws(() => guest.open('../file', { from }), { message: 'notcapable' });
  t.throws(() => guest.open('upToFile', { from }), { message: 'notcapable' });
});

test('path_open() follows 40 links and not one more', (t) => {
  const links = Object.fromEntries(
    Array.from({ length: 41 }, (_, index) => [`l${index}`, { link: index === 0 ? 'file' : `l${index - 1}` }]),
  );
  const guest = new Guest({ files: { file: 'text', ...links } });
  t.is(guest.content('l39'), 'text');
  t.throws(() => guest.open('l40'), { message: 'loop' });
});

test('path_open() refuses a path that is not UTF-8', (t) => {
  const guest = new Guest({ files });
  guest.memory.bytes(2048, 2).set([0xc3, 0x28]);
  t.is(guest.call('path_open', root, 0, 2048, 2, 0, 0n, 0n, 0, out), 'ilseq');
});

test('path_open() answers inval for an unknown lookup flag', (t) => {
  t.is(new Guest({ files }).call('path_open', root, 2, 'file', 0, 0n, 0n, 0, out), 'inval');
});

test('path_open() answers fault before it makes anything', (t) => {
  const guest = new Guest({ files });
  t.is(guest.call('path_open', root, 0, 'made', create, 0n, 0n, 0, memoryBytes - 3), 'fault');
  t.is(guest.call('path_open', root, 0, memoryBytes - 3, 4, create, 0n, 0n, 0, out), 'fault');
  t.is(guest.stat('made'), 'noent');
});

test('path_open() gives no rights that the directory does not pass on', (t) => {
  const guest = new Guest({ files });
  const from = guest.openDirectory('dir', { inheriting: right.fdRead });
  t.is(guest.read(guest.open('inner', { from, rights: right.fdRead, inheriting: 0 }), 10), 'inner');
  t.throws(() => guest.open('inner', { from, rights: right.fdWrite, inheriting: 0 }), {
    message: 'notcapable',
  });
  t.throws(() => guest.open('inner', { from, rights: right.fdRead, inheriting: right.fdWrite }), {
    message: 'notcapable',
  });
});

const needs = test.macro({
  title: (_, lacking: 'base' | 'inheriting', name: keyof typeof right, options: OpenOptions) =>
    `path_open(${JSON.stringify(options)}) needs the ${lacking} right ${name}`,
  exec(t, lacking: 'base' | 'inheriting', name: keyof typeof right, options: OpenOptions) {
    const guest = new Guest({ files });
    const without = everyRight & ~right[name];
    const from = guest.openDirectory('dir', {
      rights: readRights & (lacking === 'base' ? without : everyRight),
      inheriting: lacking === 'inheriting' ? without : everyRight,
    });
    const asked = { ...options, from, rights: right.fdRead, inheriting: 0 };
    t.throws(() => guest.open('inner', asked), { message: 'notcapable' });
    t.notThrows(() => guest.open('inner', { ...asked, from: guest.openDirectory('dir') }));
  },
});

test(needs, 'base', 'pathOpen', {});
test(needs, 'base', 'pathCreateFile', { flags: create });
test(needs, 'base', 'pathFilestatSetSize', { flags: truncate });
test(needs, 'inheriting', 'fdDatasync', { fdFlags: fdFlag.dsync });
test(needs, 'inheriting', 'fdSync', { fdFlags: fdFlag.sync });
test(needs, 'inheriting', 'fdSync', { fdFlags: fdFlag.rsync });
test(needs, 'inheriting', 'fdRead', {});

test('path_open() that makes a file takes one of the inodes', (t) => {
  const guest = new Guest({ limits: { bytes: 0, inodes: 2, openFiles: 10 } });
  guest.create('a');
  guest.create('b');
  t.throws(() => guest.open('c', { flags: create }), { message: 'nospc' });
  guest.call('path_unlink_file', root, 'a');
  t.notThrows(() => guest.open('c', { flags: create }));
});
