import test from 'ava';
import { filetype } from '../../../src/guest/wasi/layout.ts';
import { right } from '../../../src/guest/wasi/rights.ts';
import { create, everyRight, Guest, memoryBytes, out, type Parameter, readRights, root } from './guest.ts';

/** The same tree is there twice: in the shared tree, and made by the call itself. */
const files = {
  file: 'text',
  other: 'other',
  'dir/inner': 'inner',
  empty: { directory: true },
  vacant: { directory: true },
  toFile: { link: 'file' },
  toDir: { link: 'dir' },
  dangling: { link: 'none' },
  absolute: { link: '/file' },
} as const;

function createShared(): Guest {
  return new Guest({ files });
}

function createOwn(): Guest {
  const guest = new Guest();
  for (const [path, entry] of Object.entries(files)) {
    const parent = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
    if (parent !== '') guest.call('path_create_directory', root, parent);
    if (typeof entry === 'string') guest.create(path, entry);
    else if ('directory' in entry) guest.call('path_create_directory', root, path);
    else guest.call('path_symlink', entry.link, root, path);
  }
  return guest;
}

const trees = { shared: createShared, own: createOwn } as const;

const answers = test.macro({
  title: (_, expected: string, name: string, ...parameters: Parameter[]) =>
    `${name}(${parameters.map((parameter) => (typeof parameter === 'string' ? JSON.stringify(parameter) : parameter)).join(', ')}) answers ${expected}`,
  exec(t, expected: string, name: string, ...parameters: Parameter[]) {
    for (const [kind, createGuest] of Object.entries(trees)) {
      if (kind === 'own' && parameters.includes('absolute')) continue;
      t.is(createGuest().call(name, ...parameters), expected, kind);
    }
  },
});

/** Every function of a path: its name, what is before the path, and after it. */
const functions: readonly [name: string, before: Parameter[], after: Parameter[]][] = [
  ['path_create_directory', [root], []],
  ['path_filestat_get', [root, 0], [out]],
  ['path_filestat_set_times', [root, 0], [1n, 2n, 5]],
  ['path_link', [root, 0], [root, 'new']],
  ['path_link', [root, 0, 'file', root], []],
  ['path_readlink', [root], [2048, 10, out]],
  ['path_remove_directory', [root], []],
  ['path_rename', [root], [root, 'new']],
  ['path_rename', [root, 'file', root], []],
  ['path_symlink', ['file', root], []],
  ['path_unlink_file', [root], []],
];

for (const [name, before, after] of functions) {
  test(answers, 'noent', name, ...before, '', ...after);
  test(answers, 'noent', name, ...before, 'none/x', ...after);
  test(answers, 'notdir', name, ...before, 'file/x', ...after);
  test(answers, 'notcapable', name, ...before, '../x', ...after);
  test(answers, 'notcapable', name, ...before, '/file', ...after);
  test(answers, 'inval', name, ...before, 'a\0b', ...after);
  test(answers, 'nametoolong', name, ...before, 'n'.repeat(256), ...after);
  test(answers, 'fault', name, ...before, memoryBytes - 3, 4, ...after);
  const with_ = (fd: number) => before.map((parameter) => (parameter === root ? fd : parameter));
  test(answers, 'badf', name, ...with_(20), 'x', ...after);
  test(answers, 'notdir', name, ...with_(1), 'x', ...after);
}
for (const name of ['path_filestat_get', 'path_readlink', 'path_remove_directory', 'path_unlink_file']) {
  const [, before, after] = functions.find((entry) => entry[0] === name)!;
  test(answers, 'noent', name, ...before, 'none', ...after);
}

test(answers, 'success', 'path_create_directory', root, 'new');
test(answers, 'success', 'path_create_directory', root, 'new/');
test(answers, 'success', 'path_create_directory', root, 'dir/new');
test(answers, 'success', 'path_create_directory', root, 'toDir/new');
for (const taken of ['file', 'dir', 'dir/', 'toFile', 'dangling', '.', 'dir/..'])
  test(answers, 'exist', 'path_create_directory', root, taken);

test(answers, 'success', 'path_symlink', 'anything at all', root, 'new');
test(answers, 'success', 'path_symlink', '../..', root, 'new');
test(answers, 'notcapable', 'path_symlink', '/file', root, 'new');
test(answers, 'noent', 'path_symlink', '', root, 'new');
test(answers, 'noent', 'path_symlink', 'file', root, 'new/');
test(answers, 'exist', 'path_symlink', 'file', root, 'dir/');
test(answers, 'notdir', 'path_symlink', 'file', root, 'file/');
test(answers, 'nametoolong', 'path_symlink', 'n'.repeat(4097), root, 'new');
for (const taken of ['file', 'dir', 'dangling', '.'])
  test(answers, 'exist', 'path_symlink', 'file', root, taken);

test(answers, 'success', 'path_link', root, 0, 'file', root, 'new');
test(answers, 'success', 'path_link', root, 0, 'dangling', root, 'new');
test(answers, 'noent', 'path_link', root, 1, 'dangling', root, 'new');
test(answers, 'noent', 'path_link', root, 0, 'file', root, 'new/');
test(answers, 'notdir', 'path_link', root, 0, 'file/', root, 'new');
test(answers, 'perm', 'path_link', root, 0, 'dir', root, 'new');
test(answers, 'inval', 'path_link', root, 2, 'file', root, 'new');
for (const taken of ['file', 'dir', 'dangling', 'toFile'])
  test(answers, 'exist', 'path_link', root, 0, 'file', root, taken);

test(answers, 'inval', 'path_readlink', root, 'file', 2048, 10, out);
test(answers, 'inval', 'path_readlink', root, 'dir', 2048, 10, out);
test(answers, 'fault', 'path_readlink', root, 'toFile', memoryBytes - 3, 10, out);
test(answers, 'fault', 'path_readlink', root, 'toFile', 2048, 10, memoryBytes);

test(answers, 'success', 'path_unlink_file', root, 'file');
test(answers, 'success', 'path_unlink_file', root, 'toDir');
test(answers, 'success', 'path_unlink_file', root, 'dangling');
test(answers, 'isdir', 'path_unlink_file', root, 'dir');
test(answers, 'isdir', 'path_unlink_file', root, 'empty/');
test(answers, 'isdir', 'path_unlink_file', root, '.');
test(answers, 'notdir', 'path_unlink_file', root, 'file/');
test(answers, 'notdir', 'path_unlink_file', root, 'toDir/');

test(answers, 'success', 'path_remove_directory', root, 'empty');
test(answers, 'success', 'path_remove_directory', root, 'empty/');
test(answers, 'notempty', 'path_remove_directory', root, 'dir');
test(answers, 'notdir', 'path_remove_directory', root, 'file');
test(answers, 'notdir', 'path_remove_directory', root, 'file/');
test(answers, 'notdir', 'path_remove_directory', root, 'toDir');
test(answers, 'notdir', 'path_remove_directory', root, 'toDir/');
test(answers, 'inval', 'path_remove_directory', root, '.');
test(answers, 'inval', 'path_remove_directory', root, 'empty/.');
test(answers, 'notempty', 'path_remove_directory', root, 'empty/..');

const rename = (expected: string, from: string, to: string) =>
  test(answers, expected, 'path_rename', root, from, root, to);
rename('success', 'file', 'new');
rename('success', 'file', 'other');
rename('success', 'file', 'file');
rename('success', 'file', 'dir/new');
rename('success', 'dir', 'new');
rename('success', 'dir/', 'new/');
rename('success', 'dir', 'empty');
rename('success', 'empty', 'vacant');
rename('success', 'dir', 'dir');
rename('success', 'toDir', 'file');
rename('success', 'dangling', 'new');
rename('noent', 'none', 'new');
rename('noent', 'none', 'file');
rename('notdir', 'dir', 'file');
rename('notdir', 'empty', 'toDir');
rename('notdir', 'file', 'new/');
rename('notdir', 'file/', 'new');
rename('notdir', 'toDir/', 'new');
rename('isdir', 'file', 'empty');
rename('isdir', 'toDir', 'empty');
rename('notempty', 'empty', 'dir');
rename('inval', 'dir/inner', 'empty/..');
rename('inval', 'dir', 'dir/new');
rename('inval', 'dir', 'dir/.');
rename('inval', '.', 'new');
rename('inval', 'dir/..', 'new');

test(answers, 'noent', 'path_filestat_get', root, 1, 'dangling', out);
test(answers, 'success', 'path_filestat_get', root, 0, 'dangling', out);
test(answers, 'notdir', 'path_filestat_get', root, 0, 'file/', out);
test(answers, 'notcapable', 'path_filestat_get', root, 1, 'absolute', out);
test(answers, 'inval', 'path_filestat_get', root, 2, 'file', out);
test(answers, 'fault', 'path_filestat_get', root, 0, 'file', memoryBytes - 63);
test(answers, 'inval', 'path_filestat_set_times', root, 0, 'file', 0n, 0n, 3);
test(answers, 'noent', 'path_filestat_set_times', root, 0, 'none', 0n, 0n, 1);
test(answers, 'inval', 'path_filestat_set_times', root, 2, 'file', 0n, 0n, 1);

const needs = test.macro({
  title: (_, lacking: keyof typeof right, name: string, _call: (fd: number) => Parameter[]) =>
    `${name}() needs the right ${lacking}`,
  exec(t, lacking: keyof typeof right, name: string, call: (fd: number) => Parameter[]) {
    const guest = createShared();
    const fd = guest.openDirectory('.', { rights: readRights & ~right[lacking], inheriting: everyRight });
    t.is(guest.call(name, ...call(fd)), 'notcapable');
    t.is(guest.call(name, ...call(guest.openDirectory('.'))), 'success');
  },
});

test(needs, 'pathCreateDirectory', 'path_create_directory', (fd) => [fd, 'new']);
test(needs, 'pathFilestatGet', 'path_filestat_get', (fd) => [fd, 0, 'file', out]);
test(needs, 'pathFilestatSetTimes', 'path_filestat_set_times', (fd) => [fd, 0, 'file', 1n, 2n, 5]);
test(needs, 'pathLinkSource', 'path_link', (fd) => [fd, 0, 'file', root, 'new']);
test(needs, 'pathLinkTarget', 'path_link', (fd) => [root, 0, 'file', fd, 'new']);
test(needs, 'pathReadlink', 'path_readlink', (fd) => [fd, 'toFile', 2048, 10, out]);
test(needs, 'pathRemoveDirectory', 'path_remove_directory', (fd) => [fd, 'empty']);
test(needs, 'pathRenameSource', 'path_rename', (fd) => [fd, 'file', root, 'new']);
test(needs, 'pathRenameTarget', 'path_rename', (fd) => [root, 'file', fd, 'new']);
test(needs, 'pathSymlink', 'path_symlink', (fd) => ['file', fd, 'new']);
test(needs, 'pathUnlinkFile', 'path_unlink_file', (fd) => [fd, 'file']);

for (const [kind, createGuest] of Object.entries(trees)) {
  test(`path_link() gives one file two names (${kind})`, (t) => {
    const guest = createGuest();
    guest.call('path_link', root, 0, 'file', root, 'dir/second');
    const inode = (guest.stat('file') as { inode: bigint }).inode;
    t.like(guest.stat('dir/second'), { inode, links: 2n });
    guest.write(guest.open('dir/second'), 'TE');
    t.is(guest.content('file'), 'TExt');
    guest.call('path_unlink_file', root, 'file');
    t.like(guest.stat('dir/second'), { inode, links: 1n, size: 4n });
    t.is(guest.content('dir/second'), 'TExt');
  });

  test(`path_link() follows a link when asked (${kind})`, (t) => {
    const guest = createGuest();
    guest.call('path_link', root, 1, 'toFile', root, 'followed');
    guest.call('path_link', root, 0, 'toFile', root, 'taken');
    t.like(guest.stat('followed', false), { type: filetype.regularFile });
    t.like(guest.stat('taken', false), { type: filetype.symbolicLink, links: 2n });
  });

  test(`path_readlink() gives the target, cut to the buffer (${kind})`, (t) => {
    const guest = createGuest();
    guest.memory.all().fill(0x2e, 2048, 2060);
    t.is(guest.call('path_readlink', root, 'dangling', 2048, 10, out), 'success');
    t.deepEqual([guest.u32(), guest.text(2048, 6)], [4, 'none..']);
    t.is(guest.call('path_readlink', root, 'dangling', 2048, 2, out), 'success');
    t.is(guest.u32(), 2);
    t.is(guest.call('path_readlink', root, 'dangling', 2048, 0, out), 'success');
    t.is(guest.u32(), 0);
  });

  test(`path_filestat_get() follows a link when asked (${kind})`, (t) => {
    const guest = createGuest();
    t.like(guest.stat('toFile', true), { type: filetype.regularFile, size: 4n });
    t.like(guest.stat('toFile', false), { type: filetype.symbolicLink, size: 4n });
    t.like(guest.stat('toDir/', false), { type: filetype.directory });
  });

  test(`path_filestat_set_times() sets the link or what it leads to (${kind})`, (t) => {
    const guest = createGuest();
    guest.call('path_filestat_set_times', root, 0, 'toFile', 1n, 2n, 5);
    guest.call('path_filestat_set_times', root, 1, 'toFile', 3n, 4n, 5);
    t.like(guest.stat('toFile', false), { accessedNs: 1n, modifiedNs: 2n });
    t.like(guest.stat('file'), { accessedNs: 3n, modifiedNs: 4n, changedNs: guest.realtimeNs });
  });

  test(`path_rename() of a directory moves what is in it (${kind})`, (t) => {
    const guest = createGuest();
    guest.create('dir/made', 'made');
    t.is(guest.call('path_rename', root, 'dir', root, 'empty/moved'), 'success');
    t.is(guest.content('empty/moved/inner'), 'inner');
    t.is(guest.content('empty/moved/made'), 'made');
    t.is(guest.stat('dir'), 'noent');
    t.is(guest.call('path_create_directory', root, 'dir'), 'success');
    t.deepEqual(guest.names('dir'), ['.', '..']);
    t.is(guest.call('path_rename', root, 'empty', root, 'empty/moved/x'), 'inval');
  });

  test(`path_rename() over a file replaces it, while descriptors keep the old one (${kind})`, (t) => {
    const guest = createGuest();
    const fd = guest.open('other');
    guest.call('path_rename', root, 'file', root, 'other');
    t.is(guest.content('other'), 'text');
    t.is(guest.stat('file'), 'noent');
    t.is(guest.read(fd, 10), 'other');
    guest.call('fd_filestat_get', fd, out);
    t.is(guest.filestat().links, 0n);
  });

  test(`path_rename() of one name of a file to another does nothing (${kind})`, (t) => {
    const guest = createGuest();
    guest.call('path_link', root, 0, 'file', root, 'second');
    t.is(guest.call('path_rename', root, 'file', root, 'second'), 'success');
    t.like(guest.stat('file'), { links: 2n });
    t.like(guest.stat('second'), { links: 2n });
  });

  test(`path_unlink_file() makes room for another file of the name (${kind})`, (t) => {
    const guest = createGuest();
    const fd = guest.open('file');
    guest.call('path_unlink_file', root, 'file');
    t.is(guest.stat('file'), 'noent');
    guest.create('file', 'second');
    t.is(guest.content('file'), 'second');
    t.is(guest.read(fd, 10), 'text');
  });

  test(`path_create_directory() and removal change the times of the parent (${kind})`, (t) => {
    const guest = createGuest();
    for (const name of ['path_create_directory', 'path_remove_directory']) {
      guest.pass(9n);
      guest.call(name, root, 'dir/new');
      t.like(guest.stat('dir'), { modifiedNs: guest.realtimeNs, changedNs: guest.realtimeNs });
    }
  });
}

const limits = { bytes: 10, inodes: 2, openFiles: 10 };

test('every name a call makes counts towards inodes: hard links too', (t) => {
  const guest = new Guest({ files, limits });
  t.is(guest.call('path_link', root, 0, 'file', root, 'l1'), 'success');
  t.is(guest.call('path_create_directory', root, 'd'), 'success');
  t.is(guest.call('path_link', root, 0, 'file', root, 'l2'), 'nospc');
  t.is(guest.call('path_create_directory', root, 'e'), 'nospc');
  t.is(guest.call('path_symlink', 'x', root, 's'), 'nospc');
  t.is(guest.call('path_rename', root, 'file', root, 'moved'), 'nospc');
  t.is(guest.call('path_rename', root, 'd', root, 'e'), 'success', 'a rename of what it made costs nothing');
  t.is(guest.call('path_rename', root, 'file', root, 'l1'), 'success', 'nor one over what it made');
  t.is(guest.call('path_remove_directory', root, 'e'), 'success');
  t.is(guest.call('path_symlink', 'x', root, 's'), 'success');
});

test('the target of a symbolic link counts towards bytes', (t) => {
  const guest = new Guest({ limits });
  t.is(guest.call('path_symlink', 'n'.repeat(11), root, 's'), 'nospc');
  t.is(guest.call('path_symlink', 'n'.repeat(10), root, 's'), 'success');
  t.is(guest.write(guest.open('f', { flags: create }), 'x'), 'nospc');
  guest.call('path_unlink_file', root, 's');
  t.is(guest.write(guest.open('f'), 'x'), 1);
});

test('the removal of a symbolic link of the shared tree gives no bytes', (t) => {
  const guest = new Guest({ files, limits });
  guest.call('path_unlink_file', root, 'dangling');
  t.is(guest.write(guest.open('f', { flags: create }), 'more than ten'), 10);
});
