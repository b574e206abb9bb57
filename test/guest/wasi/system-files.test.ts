/** What any system has, under the files of a user. */
import test from 'ava';
import { emptyFileTree } from '../../../src/guest/wasi/file-tree.ts';
import { filetype, openFlag } from '../../../src/guest/wasi/layout.ts';
import { toPreopens } from '../../../src/guest/wasi/preopens.ts';
import { right } from '../../../src/guest/wasi/rights.ts';
import { create, everyRight, Guest, out, readRights, root, type Stat } from './guest.ts';

const reading = { rights: readRights };
const stat = (guest: Guest, path: string): Stat => guest.stat(path) as Stat;

test('/dev/null gives nothing and takes everything', (t) => {
  const guest = new Guest();
  const fd = guest.open('dev/null', { flags: create | openFlag.truncate });
  t.is(guest.write(fd, 'abc', 'def'), 6);
  t.is(guest.read(fd, 10), '');
  t.is(guest.call('fd_seek', fd, 0n, 2, out), 'success');
  t.is(guest.call('fd_filestat_set_size', fd, 10n), 'notcapable');
  t.is(guest.call('fd_filestat_get', fd, out), 'success');
  t.like(guest.filestat(), { type: filetype.characterDevice, size: 0n });
  t.is(stat(guest, 'dev/null').type, filetype.characterDevice);
});

test('/dev/zero gives zeros, /dev/random and /dev/urandom random bytes, as many as are asked for', (t) => {
  const guest = new Guest();
  t.is(guest.read(guest.open('dev/zero', reading), 3, 0, 4), '\0'.repeat(7));
  for (const name of ['random', 'urandom']) {
    const fd = guest.open(`dev/${name}`, reading);
    const [list, count] = guest.iovecs([[131_072, 100_000]]);
    t.is(guest.call('fd_read', fd, list, count, out), 'success');
    t.is(guest.u32(), 100_000);
    t.true(guest.memory.bytes(131_072, 100_000).every((byte) => byte !== 0));
  }
});

test('the streams of the call have names', (t) => {
  const guest = new Guest({ stdin: 'input' });
  for (const path of ['dev/stdout', 'dev/fd/1']) {
    guest.write(guest.open(path, { flags: create | openFlag.truncate }), 'out ');
  }
  guest.write(guest.open('dev/stderr'), 'err');
  t.is(guest.stdout, 'out out ');
  t.is(guest.stderr, 'err');
  const fd = guest.open('dev/stdin', reading);
  t.is(guest.read(fd, 2), 'in');
  t.is(guest.read(0, 10), 'put', 'both read one stream');
  t.is(guest.write(fd, 'x'), 'notcapable');
  t.is(guest.call('fd_close', fd), 'success');
  t.is(guest.read(0, 10), '', 'the stream itself is open still');
  t.is(stat(guest, 'dev/stdin').type, filetype.unknown);
  t.is(guest.call('fd_filestat_get', guest.open('dev/stdin', reading), out), 'success');
  t.is(guest.filestat().inode, stat(guest, 'dev/stdin').inode);
});

test('every call begins with them as they were', (t) => {
  const guest = new Guest();
  for (let call = 0; call < 2; call++) {
    t.is(guest.call('path_unlink_file', root, 'dev/null'), 'success');
    t.is(guest.stat('dev/null'), 'noent');
    guest.create('dev/null', 'a file now');
    t.is(guest.content('dev/null'), 'a file now');
    t.is(guest.call('path_rename', root, 'etc/hosts', root, 'dev/moved'), 'success');
    t.is(guest.stat('etc/hosts'), 'noent');
    guest.wasi.reset();
    guest.begin();
  }
});

test('what a libc reads of /etc is there, and only read', (t) => {
  const guest = new Guest();
  const read = (path: string): string => guest.read(guest.open(path, reading), 4096);
  t.regex(read('etc/passwd'), /^root:x:0:0:.*\n(?:.*:){6}.*\n$/);
  t.regex(read('etc/group'), /^root:x:0:\n/);
  t.regex(read('etc/hosts'), /^127\.0\.0\.1\s+localhost\n/);
  t.is(read('etc/resolv.conf'), '');
  t.regex(read('etc/localtime'), /^TZif2.*UTC\0TZif2.*UTC\0\nUTC0\n$/s);
  t.is(stat(guest, 'etc/localtime').size, 114n);
  t.is(stat(guest, 'etc/passwd').type, filetype.regularFile);
  for (const options of [{ rights: right.fdWrite }, { rights: readRights, flags: openFlag.truncate }]) {
    t.throws(() => guest.open('etc/passwd', options), { message: 'acces' });
  }
  const fd = guest.open('etc/passwd', reading);
  t.is(guest.call('fd_filestat_set_size', fd, 0n), 'notcapable');
});

test('the files of a user win, and are listed alone', (t) => {
  const guest = new Guest({
    files: { 'etc/passwd': 'mine', 'etc/app.conf': 'x', 'dev/null': 'mine too' },
  });
  t.is(guest.content('etc/passwd'), 'mine');
  t.is(guest.content('dev/null'), 'mine too');
  t.is(guest.read(guest.open('etc/hosts', reading), 9), '127.0.0.1');
  t.deepEqual(guest.names('etc'), ['.', '..', 'passwd', 'app.conf']);
  t.is(new Guest({ files: { etc: 'a file' } }).content('etc'), 'a file');
  const linked = new Guest({ files: { dev: { link: 'lib' }, 'lib/null': 'linked' } });
  t.is(linked.content('dev/null'), 'linked');
});

test('the root does not list them, and what is in /dev is listed', (t) => {
  const guest = new Guest();
  t.deepEqual(guest.names('.'), ['.', '..', 'tmp']);
  const devices = guest.list(guest.openDirectory('dev'));
  t.is(devices.find(({ name }) => name === 'null')?.type, filetype.characterDevice);
  t.true(guest.names('dev/fd').includes('1'));
  guest.call('path_remove_directory', root, 'tmp');
  t.deepEqual(guest.names('.'), ['.', '..']);
});

test('they take nothing of what a call may write', (t) => {
  const guest = new Guest({ limits: { bytes: 0, inodes: 0, openFiles: 8 } });
  t.is(guest.write(guest.open('dev/null'), 'x'.repeat(1000)), 1000);
});

test('a libc that takes them from its working directory finds them, behind what is there', (t) => {
  const guest = new Guest({ preopens: toPreopens('/data', emptyFileTree) });
  const here = root + toPreopens('/data', emptyFileTree).length - 1;
  const from = { from: here };
  t.is(guest.write(guest.open('dev/null', { ...from, flags: create }), 'x'), 1);
  t.is(guest.call('path_filestat_get', here, 0, 'etc/passwd', out), 'success');
  t.throws(() => guest.open('dev/other', from), { message: 'noent' });
  guest.call('path_create_directory', here, 'dev');
  const made = guest.open('dev/null', { ...from, flags: create });
  t.is(guest.call('fd_filestat_get', made, out), 'success');
  t.is(guest.filestat().type, filetype.characterDevice, 'what is there already is opened');
  guest.call('path_open', here, 0, 'dev/new', create, BigInt(everyRight), 0n, 0, out);
  guest.call('path_rename', here, 'dev/new', here, 'dev/null');
  t.is(guest.call('path_filestat_get', here, 0, 'dev/null', out), 'success');
  t.is(guest.filestat().type, filetype.regularFile);
});
