/** A folder on its way into a file tree and back, on the real disk. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createFileTree } from '../../src/guest/wasi/file-tree.ts';
import { Tree } from '../../src/guest/wasi/tree.ts';
import { type LoadedEntry, loadFolder } from '../../src/run/load-folder.ts';
import { writeBack } from '../../src/run/write-back.ts';
import { create, Guest } from '../guest/wasi/guest.ts';

const limits = { bytesMax: 1000, entriesMax: 100 };

function newFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-run-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** All of it: nothing is left out. */
function load(folder: string, at = ''): LoadedEntry[] {
  return loadFolder(folder, at, limits, (path, why) => {
    throw new Error(`${path} was left out: ${why}`);
  });
}

/** Has a guest change a copy of the folder, and writes that back. */
function change(folder: string, work: (guest: Guest) => void, at = 'd'): void {
  const loaded = load(folder, at);
  const guest = new Guest({ files: Object.fromEntries(loaded) });
  work(guest);
  writeBack(folder, guest.wasi.tree.changesIn(at));
}

test('loadFolder() gives files, folders that are empty, and links as they are', (t) => {
  const folder = newFolder(t);
  mkdirSync(join(folder, 'a/empty'), { recursive: true });
  writeFileSync(join(folder, 'a/f.txt'), 'text');
  symlinkSync('/etc', join(folder, 'out'));
  const loaded = new Map(load(folder, 'in'));
  t.deepEqual(loaded.get('in/a/empty'), { directory: true });
  t.deepEqual(loaded.get('in/a/f.txt'), Buffer.from('text'));
  t.deepEqual(loaded.get('in/out'), { link: '/etc' });
  t.is(loaded.size, 5);
  t.deepEqual(
    load(folder)
      .map(([path]) => path)
      .sort(),
    ['a', 'a/empty', 'a/f.txt', 'out'],
  );
});

test('a link that leaves the folder leads a program nowhere', (t) => {
  const folder = newFolder(t);
  symlinkSync('/etc/passwd', join(folder, 'absolute'));
  symlinkSync('../../../../../../../../etc/passwd', join(folder, 'relative'));
  const guest = new Guest({ files: Object.fromEntries(load(folder, 'd')) });
  for (const name of ['absolute', 'relative']) t.throws(() => guest.open(`d/${name}`));
});

const refuses = test.macro((t, prepare: (folder: string) => string, message: RegExp) => {
  t.throws(() => load(prepare(newFolder(t))), { message });
});

test(
  'loadFolder() refuses one that is not there',
  refuses,
  (folder) => join(folder, 'none'),
  /there is no such/,
);
test(
  'loadFolder() refuses a file',
  refuses,
  (folder) => {
    writeFileSync(join(folder, 'f'), '');
    return join(folder, 'f');
  },
  /a file, not a folder/,
);
test(
  'loadFolder() refuses more bytes than its limit, in all files together',
  refuses,
  (folder) => {
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), 'x'.repeat(400));
    return folder;
  },
  /more than 1000 bytes/,
);
test(
  'loadFolder() refuses more entries than its limit',
  refuses,
  (folder) => {
    for (let each = 0; each < 101; each++) writeFileSync(join(folder, String(each)), '');
    return folder;
  },
  /more than 100 entries/,
);

test('loadFolder() leaves out what cannot be an entry, and says why', async (t) => {
  const folder = newFolder(t);
  const server = createServer().listen(join(folder, 'socket'));
  await once(server, 'listening');
  spawnSync('mkfifo', [join(folder, 'pipe')]);
  for (const name of ['one', 'two']) writeFileSync(join(folder, name), name);
  const latin1 = (name: string): Buffer => Buffer.from(`${folder}/${name}`, 'latin1');
  writeFileSync(latin1('caf\xe9'), '');
  mkdirSync(latin1('d\xe9'));
  writeFileSync(latin1('d\xe9/f'), '');
  symlinkSync(Buffer.from('caf\xe9', 'latin1'), join(folder, 'link'));
  symlinkSync('none', join(folder, 'dangling'));
  symlinkSync('loop', join(folder, 'loop'));
  const leftOut: string[] = [];
  const loaded = loadFolder(folder, '', limits, (path, why) =>
    leftOut.push(`${path.slice(folder.length)}: ${why}`),
  );
  t.deepEqual(leftOut.sort(), [
    '/caf\\xe9: its name is not UTF-8',
    '/d\\xe9: its name is not UTF-8',
    '/link: it is a link to a name that is not UTF-8',
    '/pipe: it is a named pipe',
    '/socket: it is a socket',
  ]);
  t.deepEqual(loaded.map(([path]) => path).sort(), ['dangling', 'loop', 'one', 'two']);
  await new Promise((resolve) => server.close(resolve));
});

const canDropRights = process.getuid?.() === 0;
(canDropRights ? test : test.skip)('loadFolder() leaves out what may not be read', (t) => {
  const folder = newFolder(t);
  chmodSync(folder, 0o755);
  for (const name of ['open', 'closed']) writeFileSync(join(folder, name), name);
  mkdirSync(join(folder, 'sub'));
  chmodSync(join(folder, 'closed'), 0);
  chmodSync(join(folder, 'sub'), 0);
  const leftOut: string[] = [];
  process.seteuid!(65_534);
  try {
    const loaded = loadFolder(folder, '', limits, (path, why) => leftOut.push(`${path}: ${why}`));
    t.deepEqual(
      loaded.map(([path]) => path),
      ['open'],
    );
  } finally {
    process.seteuid!(0);
  }
  t.deepEqual(leftOut.sort(), [
    `${join(folder, 'closed')}: it may not be read`,
    `${join(folder, 'sub')}: it may not be read`,
  ]);
});

test('what a program changes is written back, and nothing else is touched', (t) => {
  const folder = newFolder(t);
  for (const name of ['same', 'changed', 'gone', 'moved']) writeFileSync(join(folder, name), name);
  chmodSync(join(folder, 'changed'), 0o751);
  mkdirSync(join(folder, 'old/deep'), { recursive: true });
  writeFileSync(join(folder, 'old/deep/f'), 'f');
  symlinkSync('/etc', join(folder, 'link'));
  const { ino, mtimeMs } = statSync(join(folder, 'same'));
  change(folder, (guest) => {
    guest.create('d/changed', 'new');
    guest.content('d/same');
    guest.call('path_unlink_file', 3, 'd/gone');
    guest.call('path_rename', 3, 'd/moved', 3, 'd/there');
    guest.call('path_unlink_file', 3, 'd/old/deep/f');
    guest.call('path_remove_directory', 3, 'd/old/deep');
    guest.call('path_remove_directory', 3, 'd/old');
    guest.create('d/old', 'a file now');
    guest.call('path_create_directory', 3, 'd/new');
    guest.create('d/new/f', '');
    guest.call('path_symlink', 'new/f', 3, 'd/to');
  });
  t.deepEqual(readdirSync(folder).sort(), ['changed', 'link', 'new', 'old', 'same', 'there', 'to']);
  const texts = ['changed', 'old', 'there', 'new/f', 'to'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  t.deepEqual(texts, ['new', 'a file now', 'moved', '', '']);
  t.is(statSync(join(folder, 'changed')).mode & 0o777, 0o751);
  t.is(readlinkSync(join(folder, 'link')), '/etc');
  t.like(statSync(join(folder, 'same')), { ino, mtimeMs });
});

test('a folder that a program removed keeps its place, empty', (t) => {
  const folder = newFolder(t);
  mkdirSync(join(folder, 'sub'));
  change(folder, (guest) => {
    guest.call('path_remove_directory', 3, 'd/sub');
    guest.call('path_remove_directory', 3, 'd');
  });
  t.deepEqual(readdirSync(folder), []);
});

test('the whole file system of a program can be a folder', (t) => {
  const folder = newFolder(t);
  const tree = new Tree(
    createFileTree(load(folder), 0n, []),
    { bytes: 100, inodes: 10, openFiles: 9 },
    { realtimeNs: () => 0n, randomFill() {} },
  );
  tree
    .createFile({ directory: tree.root, name: 'f', inode: undefined, slash: false })
    .write(0, Buffer.from('text'));
  writeBack(folder, tree.changesIn(''));
  t.is(readFileSync(join(folder, 'f'), 'utf8'), 'text');
});

for (const target of ['../x', 'sub/../../x', '..']) {
  test(`a link to ${target} that a program made is not written back`, (t) => {
    const folder = newFolder(t);
    const work = (guest: Guest) => t.is(guest.call('path_symlink', target, 3, 'd/to'), 'success');
    t.throws(() => change(folder, work), { message: /outside of the folder/ });
    t.is(lstatSync(join(folder, 'to'), { throwIfNoEntry: false }), undefined);
  });
}

test('writeBack() does not follow a folder that has become a link meanwhile', (t) => {
  const folder = newFolder(t);
  const outside = newFolder(t);
  mkdirSync(join(folder, 'sub'));
  const work = (guest: Guest) => {
    guest.open('d/sub/f', { flags: create });
    rmSync(join(folder, 'sub'), { recursive: true });
    symlinkSync(outside, join(folder, 'sub'));
  };
  t.throws(() => change(folder, work), { message: /no folder any more/ });
  t.deepEqual(readdirSync(outside), []);
});
