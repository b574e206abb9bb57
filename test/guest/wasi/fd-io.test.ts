import test from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { fdFlag, filetype, openFlag } from '../../../src/guest/wasi/layout.ts';
import { create, Guest, memoryBytes, out, type Parameter, readRights, root } from './guest.ts';

const files = { 'a.txt': '0123456789', 'dir/b.txt': 'b' };

test('fd_read() of the standard input goes on where it stopped, over several buffers, to the end', (t) => {
  const guest = new Guest({ stdin: 'hello world' });
  t.is(guest.read(0, 3), 'hel');
  t.is(guest.read(0, 0, 2, 1, 4), 'lo worl');
  t.is(guest.read(0, 100), 'd');
  t.is(guest.read(0, 100), '');
});

test('fd_write() to a stream passes every buffer, in order and to the right one', (t) => {
  const guest = new Guest();
  t.is(guest.write(1, 'a', '', 'bc', 'def'), 6);
  t.is(guest.write(2, 'oh'), 2);
  t.is(guest.stdout, 'abcdef');
  t.is(guest.stderr, 'oh');
});

test('fd_write() passes the live memory, not a copy', (t) => {
  const guest = new Guest();
  const seen: ArrayBufferLike[] = [];
  const sink = (bytes: Uint8Array) => void seen.push(bytes.buffer);
  guest.wasi.begin({ args: [], env: {}, stdin: new Uint8Array(0), stdout: sink, stderr: sink });
  guest.write(1, 'a', 'b');
  t.deepEqual(
    seen.map((buffer) => buffer === guest.linearMemory.buffer),
    [true, true],
  );
});

test('fd_write() lets through what the output throws', (t) => {
  const guest = new Guest();
  const refuse = () => {
    throw new FaasmError('too_large', 'full');
  };
  guest.wasi.begin({ args: [], env: {}, stdin: new Uint8Array(0), stdout: refuse, stderr: refuse });
  t.throws(() => guest.write(1, 'a'), { instanceOf: FaasmError, message: 'full' });
});

test('fd_read() and fd_write() of a file move its offset', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  t.is(guest.read(fd, 2, 2), '0123');
  t.is(guest.write(fd, 'X', 'YZ'), 3);
  t.is(guest.read(fd, 100), '789');
  t.is(guest.read(fd, 100), '');
  t.is(guest.write(fd, 'end'), 3);
  t.is(guest.content('a.txt'), '0123XYZ789end');
});

test('fd_read() of two descriptors of one file keeps two offsets', (t) => {
  const guest = new Guest({ files });
  const [first, second] = [guest.open('a.txt'), guest.open('a.txt')];
  t.is(guest.read(first, 4), '0123');
  t.is(guest.read(second, 2), '01');
  guest.write(second, 'xy');
  t.is(guest.pread(first, 10, 0n), '01xy456789');
});

test('fd_pread() and fd_pwrite() leave the offset alone', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  t.is(guest.pread(fd, 3, 8n), '89');
  t.is(guest.pread(fd, 3, 10n), '');
  t.is(guest.pread(fd, 3, 2n ** 52n), '');
  t.is(guest.pwrite(fd, 'xy', 3n), 2);
  t.is(guest.read(fd, 10), '012xy56789');
  t.is(guest.pread(fd, 3, -1n), 'inval');
  t.is(guest.pwrite(fd, 'x', -1n), 'inval');
  t.is(guest.pwrite(fd, 'x', 2n ** 31n), 'fbig');
  t.is(guest.pwrite(fd, 'x', 2n ** 60n), 'fbig');
});

test('fd_pwrite() past the end fills the gap with zeros', (t) => {
  const guest = new Guest();
  const fd = guest.open('a', { flags: create });
  t.is(guest.pwrite(fd, 'x', 3n), 1);
  t.is(guest.content('a'), '\0\0\0x');
});

test('fd_write() of nothing past the end does not grow the file', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt');
  t.is(guest.pwrite(fd, '', 100n), 0);
  t.is(guest.write(fd), 0);
  t.is(guest.content('a.txt').length, 10);
});

test('fd_write() with append writes at the end, and fd_pwrite() where it is told', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt', { fdFlags: fdFlag.append });
  guest.write(fd, 'ab');
  t.is(guest.pwrite(fd, 'X', 0n), 1);
  guest.call('fd_tell', fd, out);
  t.is(guest.u64(), 12n);
  guest.call('fd_fdstat_set_flags', fd, 0);
  guest.call('fd_seek', fd, 1n, 0, out);
  guest.write(fd, 'Y');
  t.is(guest.content('a.txt'), 'XY23456789ab');
});

test('fd_write() writes what fits the quota, and then answers nospc', (t) => {
  const guest = new Guest({ limits: { bytes: 10, inodes: 10, openFiles: 10 } });
  const fd = guest.open('a', { flags: create });
  t.is(guest.write(fd, '01234', '56789ABC', 'D'), 10);
  t.is(guest.write(fd, 'E'), 'nospc');
  t.is(guest.pwrite(fd, 'xy', 9n), 1);
  t.is(guest.pwrite(fd, 'xy', 0n), 2);
  t.is(guest.content('a'), 'xy2345678x');
  guest.call('fd_filestat_set_size', fd, 4n);
  t.is(guest.pwrite(guest.open('b', { flags: create }), 'bbbbbbbb', 0n), 6);
});

test('fd_write() to a file of the shared tree needs room for a copy of it', (t) => {
  const guest = new Guest({ files, limits: { bytes: 9, inodes: 10, openFiles: 10 } });
  const fd = guest.open('a.txt');
  t.is(guest.write(fd, 'x'), 'nospc');
  t.is(guest.content('a.txt'), '0123456789');
  t.is(guest.call('fd_filestat_set_size', fd, 8n), 'success');
  t.is(guest.write(fd, 'x'), 1);
  t.is(guest.content('a.txt'), 'x1234567');
});

test('fd_write() leaves the shared tree as it was', (t) => {
  const shared = new TextEncoder().encode('shared');
  const guest = new Guest({ files: { f: shared } });
  guest.write(guest.open('f'), 'PRIVAT');
  t.is(guest.content('f'), 'PRIVAT');
  t.is(new TextDecoder().decode(shared), 'shared');
  guest.wasi.reset();
  t.is(guest.content('f'), 'shared');
});

test('fd_write() touches the modification time', (t) => {
  const guest = new Guest({ files });
  guest.write(guest.open('a.txt'), 'x');
  t.like(guest.stat('a.txt'), { modifiedNs: guest.realtimeNs, changedNs: guest.realtimeNs, accessedNs: 0n });
});

const seek = test.macro({
  title: (_, delta: bigint, whence: number, expected: bigint | string) =>
    `fd_seek() by ${delta} from ${whence} goes from 4 to ${expected} of 10`,
  exec(t, delta: bigint, whence: number, expected: bigint | string) {
    const guest = new Guest({ files });
    const fd = guest.open('a.txt');
    guest.read(fd, 4);
    const answered = guest.call('fd_seek', fd, delta, whence, out);
    t.is(answered === 'success' ? guest.u64() : answered, expected);
    guest.call('fd_tell', fd, out);
    t.is(guest.u64(), typeof expected === 'bigint' ? expected : 4n);
  },
});

test(seek, 0n, 0, 0n);
test(seek, 7n, 0, 7n);
test(seek, 100n, 0, 100n);
test(seek, -1n, 0, 'inval');
test(seek, 0n, 1, 4n);
test(seek, 3n, 1, 7n);
test(seek, -4n, 1, 0n);
test(seek, -5n, 1, 'inval');
test(seek, 0n, 2, 10n);
test(seek, 5n, 2, 15n);
test(seek, -10n, 2, 0n);
test(seek, -11n, 2, 'inval');
test(seek, 0n, 3, 'inval');
test(seek, 0n, -1, 'inval');
test(seek, 2n ** 62n, 1, 'overflow');

test('fd_seek() that does not move needs only the right to tell', (t) => {
  const guest = new Guest({ files });
  const fd = guest.open('a.txt', { rights: 1 << 5 });
  t.is(guest.call('fd_seek', fd, 0n, 1, out), 'success');
  t.is(guest.call('fd_seek', fd, 1n, 1, out), 'notcapable');
  const seeks = guest.open('a.txt', { rights: 1 << 2 });
  t.is(guest.call('fd_tell', seeks, out), 'success');
  t.is(guest.call('fd_tell', guest.open('a.txt', { rights: 1 << 1 }), out), 'notcapable');
});

const fault = test.macro({
  title: (_, name: string, ...rest: Parameter[]) =>
    `${name}(…${rest.join(', ')}) answers fault and does nothing`,
  exec(t, name: string, ...rest: Parameter[]) {
    const guest = new Guest({ files });
    const fd = guest.open('a.txt');
    guest.read(fd, 4);
    // A list whose second buffer ends outside.
    guest.iovecs([
      [2048, 4],
      [memoryBytes - 3, 4],
    ]);
    t.is(guest.call(name, fd, ...rest), 'fault');
    guest.call('fd_tell', fd, out);
    t.is(guest.u64(), 4n);
    t.is(guest.content('a.txt'), '0123456789');
  },
});

for (const name of ['fd_read', 'fd_write']) {
  test(fault, name, 2048, 2, out);
  test(fault, name, memoryBytes - 4, 1, out);
  test(fault, name, 2048, -1, out);
  test(fault, name, 2048, 1, memoryBytes - 3);
}
for (const name of ['fd_pread', 'fd_pwrite']) {
  test(fault, name, 2048, 2, 0n, out);
  test(fault, name, 2048, 1, 0n, -4);
}
test(fault, 'fd_seek', 2n, 0, memoryBytes - 7);
test(fault, 'fd_tell', memoryBytes - 7);

test('fd_read() answers inval for buffers of more bytes than fit the answer', (t) => {
  const memoryPages = 4;
  const guest = new Guest({ files });
  const half = memoryPages * 65_536;
  const count = 2 ** 32 / half;
  const list = 0;
  for (let index = 0; index < count; index += 1) guest.iovecs([[0, half]], list + index * 8);
  t.is(guest.call('fd_write', 1, list, count, half - 4), 'inval');
});

test('fd_readdir() lists . and .. first, then the entries with their types and inodes', (t) => {
  const guest = new Guest({ files: { 'd/f': 'x', 'd/sub/x': '', 'd/l': { link: 'f' } } });
  guest.create('d/new');
  const entries = guest.list(guest.openDirectory('d'));
  t.deepEqual(
    entries.map(({ name, type }) => [name, type]),
    [
      ['.', filetype.directory],
      ['..', filetype.directory],
      ['f', filetype.regularFile],
      ['sub', filetype.directory],
      ['l', filetype.symbolicLink],
      ['new', filetype.regularFile],
    ],
  );
  for (const { name, inode } of entries.slice(2)) t.like(guest.stat(`d/${name}`, false), { inode });
  t.like(guest.stat('d'), { inode: entries[0]!.inode });
  t.like(guest.stat('.'), { inode: entries[1]!.inode });
});

for (const bufferBytes of [25, 40, 64, 100, 1000]) {
  test(`fd_readdir() gives every entry once, ${bufferBytes} bytes at a time`, (t) => {
    const guest = new Guest({ files: { 'd/base': '' } });
    for (let index = 0; index < 20; index += 1) guest.create(`d/${index}`);
    if (bufferBytes < 40) {
      // Too small for a whole entry: its start is given, so that the guest sees how long it is.
      const fd = guest.openDirectory('d');
      guest.call('fd_readdir', fd, 2048, bufferBytes, 2n, out);
      t.is(guest.u32(), bufferBytes);
      t.is(guest.u32(2048 + 16), 'base'.length);
      return;
    }
    const names = guest.list(guest.openDirectory('d'), bufferBytes).map(({ name }) => name);
    t.deepEqual(names, ['.', '..', 'base', ...Array.from({ length: 20 }, (_, index) => String(index))]);
  });
}

test('fd_readdir() goes on at a cookie whatever was made and removed meanwhile', (t) => {
  const guest = new Guest({ files: { 'd/a': '', 'd/b': '', 'd/c': '' } });
  guest.create('d/x');
  guest.create('d/y');
  const fd = guest.openDirectory('d');
  const after = (name: string) => guest.list(fd).find((entry) => entry.name === name)!.next;
  const rest = (from: bigint) => guest.list(fd, 4096, from).map(({ name }) => name);
  const [afterA, afterX] = [after('a'), after('x')];
  t.is(guest.call('path_unlink_file', root, 'd/a'), 'success');
  t.is(guest.call('path_unlink_file', root, 'd/c'), 'success');
  t.is(guest.call('path_unlink_file', root, 'd/x'), 'success');
  guest.create('d/z');
  t.deepEqual(rest(afterA), ['b', 'y', 'z']);
  t.deepEqual(rest(afterX), ['y', 'z']);
  guest.create('d/a');
  t.deepEqual(rest(afterX), ['y', 'z', 'a']);
  t.deepEqual(rest(1n), ['..', 'b', 'y', 'z', 'a']);
  t.deepEqual(rest(-1n), []);
});

test('fd_readdir() answers fault outside the memory', (t) => {
  const guest = new Guest();
  t.is(guest.call('fd_readdir', root, memoryBytes - 10, 11, 0n, out), 'fault');
  t.is(guest.call('fd_readdir', root, 2048, 100, 0n, memoryBytes - 3), 'fault');
});

test('fd_read() with views taken before the memory grew still reads into it', (t) => {
  const guest = new Guest({ files, stdin: 'input' });
  t.is(guest.read(0, 2), 'in');
  guest.linearMemory.grow(1);
  t.is(guest.read(0, 9), 'put');
  t.is(guest.read(guest.open('a.txt', { rights: readRights }), 2), '01');
});

test('fd_read() of a directory descriptor that was removed finds nothing', (t) => {
  const guest = new Guest();
  guest.call('path_create_directory', root, 'd');
  const fd = guest.openDirectory('d');
  guest.call('path_remove_directory', root, 'd');
  t.deepEqual(
    guest.list(fd).map(({ name }) => name),
    ['.', '..'],
  );
  t.throws(() => guest.open('x', { from: fd, flags: openFlag.create }), { message: 'noent' });
  t.is(guest.call('path_create_directory', fd, 'x'), 'noent');
  t.is(guest.call('path_symlink', 'x', fd, 'y'), 'noent');
});
