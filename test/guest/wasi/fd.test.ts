import test from 'ava';
import { fdFlag, filetype, openFlag } from '../../../src/guest/wasi/layout.ts';
import {
  allRights,
  directoryRights,
  fileRights,
  inputRights,
  outputRights,
  right,
} from '../../../src/guest/wasi/rights.ts';
import { create, everyRight, Guest, memoryBytes, out, type Parameter, readRights, root } from './guest.ts';

const files = { 'a.txt': '0123456789', 'dir/b.txt': 'b' };
const closed = 20;
/** Stands for a descriptor of `a.txt` opened with every right. */
const file = 'file' as const;

const answers = test.macro({
  title: (_, expected: string, name: string, fd: number | typeof file, ...rest: Parameter[]) =>
    `${name}(${[fd, ...rest].join(', ')}) answers ${expected}`,
  exec(t, expected: string, name: string, fd: number | typeof file, ...rest: Parameter[]) {
    const guest = new Guest({ files });
    t.is(guest.call(name, fd === file ? guest.open('a.txt') : fd, ...rest), expected);
  },
});

/** Every function of a descriptor, with parameters that suit a file. */
const ofFile: [name: string, ...rest: Parameter[]][] = [
  ['fd_advise', 0n, 4n, 0],
  ['fd_allocate', 0n, 4n],
  ['fd_close'],
  ['fd_datasync'],
  ['fd_fdstat_get', out],
  ['fd_fdstat_set_flags', 0],
  ['fd_fdstat_set_rights', 0n, 0n],
  ['fd_filestat_get', out],
  ['fd_filestat_set_size', 3n],
  ['fd_filestat_set_times', 1n, 2n, 5],
  ['fd_pread', 2048, 0, 0n, out],
  ['fd_pwrite', 2048, 0, 0n, out],
  ['fd_read', 2048, 0, out],
  ['fd_seek', 0n, 0, out],
  ['fd_sync'],
  ['fd_tell', out],
  ['fd_write', 2048, 0, out],
];

for (const [name, ...rest] of ofFile) {
  test(answers, 'success', name, file, ...rest);
  test(answers, 'badf', name, closed, ...rest);
  test(answers, 'badf', name, -1, ...rest);
}
for (const name of ['fd_prestat_get', 'fd_readdir', 'fd_prestat_dir_name']) {
  const rest = { fd_prestat_get: [out], fd_readdir: [2048, 100, 0n, out], fd_prestat_dir_name: [2048, 10] }[
    name
  ]!;
  test(answers, 'success', name, root, ...rest);
  test(answers, 'badf', name, closed, ...rest);
}
test(answers, 'notdir', 'fd_readdir', file, 2048, 100, 0n, out);
test(answers, 'notdir', 'fd_readdir', 0, 2048, 100, 0n, out);
test(answers, 'badf', 'fd_prestat_get', file, out);
test(answers, 'badf', 'fd_prestat_get', 0, out);
test(answers, 'badf', 'fd_prestat_get', root + 1, out);
test(answers, 'nametoolong', 'fd_prestat_dir_name', root, 2048, 0);

// What only a file can do.
for (const [name, ...rest] of ofFile) {
  const every = [
    'fd_close',
    'fd_fdstat_get',
    'fd_fdstat_set_flags',
    'fd_fdstat_set_rights',
    'fd_filestat_get',
  ];
  if (every.includes(name)) {
    test(answers, 'success', name, root, ...rest);
    test(answers, 'success', name, 1, ...rest);
  } else if (name === 'fd_sync' || name === 'fd_datasync') {
    test(answers, 'success', name, root);
    test(answers, 'inval', name, 1);
  } else if (name === 'fd_filestat_set_times') {
    test(answers, 'success', name, root, ...rest);
    test(answers, 'notcapable', name, 1, ...rest);
  } else {
    test(answers, 'isdir', name, root, ...rest);
    if (name !== 'fd_read' && name !== 'fd_write') test(answers, 'spipe', name, 1, ...rest);
  }
}
test(answers, 'notcapable', 'fd_read', 1, 2048, 0, out);
test(answers, 'notcapable', 'fd_write', 0, 2048, 0, out);

test(answers, 'inval', 'fd_advise', file, 0n, 4n, 6);
test(answers, 'inval', 'fd_advise', file, -1n, 4n, 0);
test(answers, 'inval', 'fd_advise', file, 0n, -4n, 0);
test(answers, 'inval', 'fd_allocate', file, 0n, 0n);
test(answers, 'inval', 'fd_allocate', file, -1n, 1n);
test(answers, 'nospc', 'fd_allocate', file, 0n, 1_000_001n);
test(answers, 'fbig', 'fd_allocate', file, 0n, 2n ** 31n + 1n);
test(answers, 'fbig', 'fd_allocate', file, 2n ** 60n, 1n);
test(answers, 'inval', 'fd_fdstat_set_flags', file, 32);
test(answers, 'success', 'fd_fdstat_set_flags', file, 31);
test(answers, 'notcapable', 'fd_fdstat_set_rights', 0, BigInt(right.fdWrite), 0n);
test(answers, 'notcapable', 'fd_fdstat_set_rights', 0, 0n, 1n);
test(answers, 'notcapable', 'fd_fdstat_set_rights', file, 2n ** 30n, 0n);
test(answers, 'notcapable', 'fd_fdstat_set_rights', file, -1n, 0n);
test(answers, 'inval', 'fd_filestat_set_size', file, -1n);
test(answers, 'nospc', 'fd_filestat_set_size', file, 1_000_001n);
test(answers, 'fbig', 'fd_filestat_set_size', file, 2n ** 31n + 1n);
test(answers, 'fbig', 'fd_filestat_set_size', file, 2n ** 62n);
test(answers, 'inval', 'fd_filestat_set_times', file, 0n, 0n, 3);
test(answers, 'inval', 'fd_filestat_set_times', file, 0n, 0n, 12);
test(answers, 'inval', 'fd_filestat_set_times', file, 0n, 0n, 16);
test(answers, 'fault', 'fd_fdstat_get', file, memoryBytes - 23);
test(answers, 'fault', 'fd_filestat_get', file, memoryBytes - 63);
test(answers, 'fault', 'fd_filestat_get', 1, memoryBytes - 63);
test(answers, 'fault', 'fd_prestat_get', root, memoryBytes - 7);
test(answers, 'fault', 'fd_prestat_dir_name', root, memoryBytes, 10);

const refused = test.macro({
  title: (_, name: string, lacking: keyof typeof right, ..._rest: Parameter[]) =>
    `${name}() needs the right ${lacking}`,
  exec(t, name: string, lacking: keyof typeof right, ...rest: Parameter[]) {
    const guest = new Guest({ files });
    const rights = everyRight & ~right[lacking];
    const fd =
      name === 'fd_readdir'
        ? guest.openDirectory('dir', { rights: rights & ~right.fdWrite })
        : guest.open('a.txt', { rights });
    t.is(guest.call(name, fd, ...rest), 'notcapable');
  },
});

test(refused, 'fd_advise', 'fdAdvise', 0n, 4n, 0);
test(refused, 'fd_allocate', 'fdAllocate', 0n, 4n);
test(refused, 'fd_datasync', 'fdDatasync');
test(refused, 'fd_sync', 'fdSync');
test(refused, 'fd_fdstat_set_flags', 'fdFdstatSetFlags', 0);
test(refused, 'fd_filestat_get', 'fdFilestatGet', out);
test(refused, 'fd_filestat_set_size', 'fdFilestatSetSize', 3n);
test(refused, 'fd_filestat_set_times', 'fdFilestatSetTimes', 1n, 2n, 5);
test(refused, 'fd_read', 'fdRead', 2048, 0, out);
test(refused, 'fd_pread', 'fdRead', 2048, 0, 0n, out);
test(refused, 'fd_pread', 'fdSeek', 2048, 0, 0n, out);
test(refused, 'fd_write', 'fdWrite', 2048, 0, out);
test(refused, 'fd_pwrite', 'fdWrite', 2048, 0, 0n, out);
test(refused, 'fd_pwrite', 'fdSeek', 2048, 0, 0n, out);
test(refused, 'fd_seek', 'fdSeek', 1n, 1, out);
test(refused, 'fd_readdir', 'fdReaddir', 2048, 100, 0n, out);

const fdstat = test.macro({
  title: (_, what: string) => `fd_fdstat_get() describes ${what}`,
  exec(
    t,
    _what: string,
    open: (guest: Guest) => number,
    expected: [type: number, flags: number, base: number, inheriting: number],
  ) {
    const guest = new Guest({ files });
    t.is(guest.call('fd_fdstat_get', open(guest), out), 'success');
    const view = guest.memory.view();
    const found = [
      view.getUint8(out),
      view.getUint16(out + 2, true),
      Number(guest.u64(out + 8)),
      Number(guest.u64(out + 16)),
    ];
    t.deepEqual(found, expected);
  },
});

test(fdstat, 'the standard input', () => 0, [filetype.unknown, 0, inputRights, 0]);
test(fdstat, 'the standard output', () => 1, [filetype.unknown, 0, outputRights, 0]);
test(fdstat, 'the standard error', () => 2, [filetype.unknown, 0, outputRights, 0]);
test(fdstat, 'a preopen', () => root, [filetype.directory, 0, directoryRights, allRights]);
test(fdstat, 'a file', (guest) => guest.open('a.txt', { fdFlags: fdFlag.append }), [
  filetype.regularFile,
  fdFlag.append,
  fileRights,
  0,
]);
test(fdstat, 'a directory', (guest) => guest.openDirectory('dir', { inheriting: right.fdRead }), [
  filetype.directory,
  0,
  directoryRights,
  right.fdRead,
]);
test(
  fdstat,
  'narrowed rights',
  (guest) => {
    const fd = guest.openDirectory('dir');
    guest.call('fd_fdstat_set_rights', fd, BigInt(right.pathOpen), 2n);
    return fd;
  },
  [filetype.directory, 0, right.pathOpen, 2],
);
test(
  fdstat,
  'set flags',
  (guest) => {
    guest.call('fd_fdstat_set_flags', 1, fdFlag.nonblock);
    return 1;
  },
  [filetype.unknown, fdFlag.nonblock, outputRights, 0],
);

test('fd_fdstat_set_rights() narrows for good', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  guest.call('fd_fdstat_set_rights', fd, BigInt(right.fdRead), 0n);
  t.is(guest.read(fd, 3), '012');
  t.is(guest.write(fd, 'x'), 'notcapable');
  t.is(guest.call('fd_fdstat_set_rights', fd, BigInt(right.fdRead | right.fdWrite), 0n), 'notcapable');
});

test('fd_allocate() grows a file and never shrinks it', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  guest.call('fd_allocate', fd, 2n, 3n);
  t.is(guest.content('a.txt'), '0123456789');
  guest.call('fd_allocate', fd, 8n, 4n);
  t.is(guest.content('a.txt'), '0123456789\0\0');
});

test('fd_filestat_set_size() cuts a file, and fills with zeros what it grows', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  guest.call('fd_filestat_set_size', fd, 4n);
  t.is(guest.content('a.txt'), '0123');
  guest.call('fd_filestat_set_size', fd, 7n);
  t.is(guest.content('a.txt'), '0123\0\0\0');
});

test('fd_filestat_set_times() sets what the flags say', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  const times = (flags: number) => {
    t.is(guest.call('fd_filestat_set_times', fd, 11n, 22n, flags), 'success');
    guest.call('fd_filestat_get', fd, out);
    const { accessedNs, modifiedNs } = guest.filestat();
    return [accessedNs, modifiedNs];
  };
  t.deepEqual(times(0), [0n, 0n]);
  t.deepEqual(times(1), [11n, 0n]);
  t.deepEqual(times(4), [11n, 22n]);
  t.deepEqual(times(2), [guest.realtimeNs, 22n]);
  guest.pass(5n);
  t.deepEqual(times(8), [guest.realtimeNs - 5n, guest.realtimeNs]);
  t.is(guest.filestat().changedNs, guest.realtimeNs);
});

test('fd_filestat_get() tells streams apart, and they have no size', (t) => {
  const guest = new Guest();
  const inodes = [0, 1, 2].map((fd) => {
    guest.call('fd_filestat_get', fd, out);
    t.is(guest.filestat().size, 0n);
    return guest.filestat().inode;
  });
  t.is(new Set(inodes).size, 3);
});

test('fd_prestat_get() and fd_prestat_dir_name() name every preopen', (t) => {
  const guest = new Guest({
    files,
    preopens: [
      { name: '/', directory: '' },
      { name: '/dätä', directory: 'dir' },
    ],
  });
  t.is(guest.call('fd_prestat_get', root + 1, out), 'success');
  t.is(guest.u32(out), 0);
  const byteLength = guest.u32(out + 4);
  t.is(guest.call('fd_prestat_dir_name', root + 1, 2048, byteLength), 'success');
  t.is(guest.text(2048, byteLength), '/dätä');
  t.is(guest.call('fd_prestat_get', root + 2, out), 'badf');
  t.is(guest.read(guest.open('b.txt', { from: root + 1 }), 10), 'b');
});

test('fd_close() frees the number, and the lowest is taken next', (t) => {
  const guest = new Guest({ files });
  const [first, second] = [guest.open('a.txt'), guest.open('a.txt')];
  t.deepEqual([first, second], [4, 5]);
  t.is(guest.call('fd_close', first), 'success');
  t.is(guest.call('fd_close', first), 'badf');
  t.is(guest.call('fd_close', 0), 'success');
  t.is(guest.open('a.txt'), 0);
  t.is(guest.open('a.txt'), 4);
  t.is(guest.open('a.txt'), 6);
});

test('fd_renumber() moves a descriptor over another', (t) => {
  const guest = new Guest({ files });
  const [first, second] = [guest.open('a.txt'), guest.open('dir/b.txt')];
  t.is(guest.read(first, 3), '012');
  t.is(guest.call('fd_renumber', first, second), 'success');
  t.is(guest.read(second, 3), '345');
  t.is(guest.call('fd_tell', first, out), 'badf');
  t.is(guest.call('fd_renumber', second, closed), 'badf');
  t.is(guest.call('fd_renumber', closed, second), 'badf');
  t.is(guest.call('fd_renumber', second, second), 'success');
  t.is(guest.read(second, 3), '678');
});

test('fd_renumber() over the standard output redirects it', (t) => {
  const guest = new Guest();
  guest.call('fd_renumber', guest.open('log', { flags: create }), 1);
  t.is(guest.write(1, 'hello'), 5);
  t.is(guest.stdout, '');
  t.is(guest.content('log'), 'hello');
});

test('fd_close() of the last descriptor frees the bytes of an unlinked file', (t) => {
  const guest = new Guest({ limits: { bytes: 10, inodes: 10, openFiles: 10 } });
  const fd = guest.open('a', { flags: create });
  t.is(guest.write(fd, '0123456789'), 10);
  t.is(guest.call('path_unlink_file', root, 'a'), 'success');
  t.is(guest.pread(fd, 10, 0n), '0123456789');
  const other = guest.open('b', { flags: create });
  t.is(guest.write(other, 'x'), 'nospc');
  guest.call('fd_close', fd);
  t.is(guest.write(other, '9876543210'), 10);
});

test('path_open() answers mfile when openFiles are open', (t) => {
  const guest = new Guest({ files, limits: { bytes: 10, inodes: 10, openFiles: 6 } });
  guest.open('a.txt');
  const fd = guest.open('a.txt');
  t.throws(() => guest.open('a.txt'), { message: 'mfile' });
  t.throws(() => guest.open('new', { flags: create }), { message: 'mfile' });
  t.throws(() => guest.open('a.txt', { flags: openFlag.truncate }), { message: 'mfile' });
  guest.call('fd_close', fd);
  t.is(guest.content('a.txt'), '0123456789', 'what could not be opened was not cut either');
  t.false(guest.names().includes('new'));
  t.notThrows(() => guest.openDirectory('dir', { rights: readRights }));
});
