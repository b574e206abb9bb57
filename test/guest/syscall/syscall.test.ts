/** System calls of the founding libc on a real memory, one after the other as a program makes them. */
import test from 'ava';
import { GuestExit, GuestFault } from '../../../src/guest/guest-fault.ts';
import { GuestMemory } from '../../../src/guest/guest-memory.ts';
import { createLibc } from '../../../src/guest/libc/libc.ts';
import { linuxErrno } from '../../../src/guest/syscall/errno.ts';
import { createSyscalls } from '../../../src/guest/syscall/syscall.ts';
import { createFileTree } from '../../../src/guest/wasi/file-tree.ts';
import { toPreopens } from '../../../src/guest/wasi/preopens.ts';
import { addSystemFiles } from '../../../src/guest/wasi/system-files.ts';
import { createWasi } from '../../../src/guest/wasi/wasi.ts';

const create = 0o100;
const truncate = 0o1000;
const append = 0o2000;
const [readOnly, writeOnly, readWrite] = [0, 1, 2];
const strings = 4096;
const out = 1024;
const buffer = 8192;

interface StartOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly pages?: number;
}

function start({
  files = { 'lib/data.txt': 'shared data' },
  cwd = '/',
  stdin = 'input',
  pages = 2,
}: StartOptions = {}) {
  const memory = new GuestMemory();
  const linear = new WebAssembly.Memory({ initial: pages, maximum: pages + 4 });
  memory.attach(linear);
  const utf8 = new TextEncoder();
  const tree = addSystemFiles(
    createFileTree(Object.entries(files).map(([path, text]) => [path, utf8.encode(text)])),
  );
  let nowNs = 1_700_000_000_123_456_789n;
  const slept: number[] = [];
  const powers = {
    realtimeNs: () => nowNs,
    monotonicNs: () => nowNs,
    randomFill: (bytes: Uint8Array) => void bytes.fill(7),
    async sleep(ms: number) {
      slept.push(ms);
      nowNs += BigInt(ms) * 1_000_000n;
    },
  };
  const limits = { bytes: 1_000_000, inodes: 100, openFiles: 16 };
  const wasi = createWasi(memory, powers, { files: tree, limits, preopens: toPreopens(cwd, tree) });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const begin = () => {
    wasi.begin({
      args: [],
      env: {},
      stdin: utf8.encode(stdin),
      stdout: (bytes) => void stdout.push(Buffer.from(bytes).toString()),
      stderr: (bytes) => void stderr.push(Buffer.from(bytes).toString()),
    });
  };
  begin();
  const { imports: calls, call: named } = createSyscalls(memory, wasi.context);
  const libc = createLibc(memory, { call: named });
  /** A text among the parameters is put into memory, and its address passed. */
  const call = (number: number, ...parameters: (number | string)[]): number => {
    let at = strings;
    const passed = parameters.map((parameter) => {
      if (typeof parameter === 'number') return parameter;
      const bytes = utf8.encode(`${parameter}\0`);
      memory.bytes(at, bytes.length).set(bytes);
      at += bytes.length;
      return at - bytes.length;
    });
    return calls[`__syscall${passed.length}`]!(number, ...passed) as number;
  };
  const text = (pointer: number, length: number): string =>
    Buffer.from(memory.bytes(pointer, length)).toString();
  const word = (pointer: number): number => memory.view().getInt32(pointer, true);
  const long = (pointer: number): number => Number(memory.view().getBigInt64(pointer, true));
  return { memory, linear, calls, call, libc, text, word, long, stdout, stderr, slept, wasi, begin };
}

test('open(), read(), lseek() and close() of a shared file', (t) => {
  const { call, text } = start();
  const fd = call(5, '/lib/data.txt', readOnly, 0);
  t.true(fd > 2);
  t.is(call(3, fd, buffer, 6), 6);
  t.is(text(buffer, 6), 'shared');
  t.is(call(19, fd, -4, 2), 7);
  t.is(call(3, fd, buffer, 100), 4);
  t.is(text(buffer, 4), 'data');
  t.is(call(3, fd, buffer, 100), 0);
  t.is(call(140, fd, 0, 3, out, 0), 0);
  t.is(call(3, fd, buffer, 3), 3);
  t.is(text(buffer, 3), 'red');
  t.is(call(19, fd, -1, 0), -linuxErrno.inval);
  t.is(call(4, fd, buffer, 1), -linuxErrno.acces);
  t.is(call(6, fd), 0);
});

test('write() makes a file, appends and cuts it, and stat64() tells of it', (t) => {
  const { call, memory, text, word, long } = start();
  memory.bytes(buffer, 5).set(Buffer.from('hello'));
  const fd = call(5, '/tmp.txt', writeOnly | create, 0o644);
  t.is(call(4, fd, buffer, 5), 5);
  t.is(call(3, fd, buffer, 1), -linuxErrno.acces);
  t.is(call(6, fd), 0);
  const more = call(5, 'tmp.txt', writeOnly | append, 0);
  t.is(call(4, more, buffer, 2), 2);
  t.is(call(195, '/tmp.txt', out), 0);
  t.is(long(out + 16), 1);
  t.is(word(out + 24), 0o100644);
  t.is(word(out + 28), 1000);
  t.is(long(out + 48), 7);
  t.is(long(out + 64), 1);
  t.is(long(out + 88), 1_700_000_000);
  t.is(call(197, more, out), 0);
  t.is(long(out + 48), 7);
  t.is(call(194, more, 0, 3, 0), 0);
  const again = call(5, '/tmp.txt', readWrite, 0);
  t.is(call(3, again, buffer, 10), 3);
  t.is(text(buffer, 3), 'hel');
  t.is(call(5, '/tmp.txt', writeOnly | truncate, 0) > 0, true);
  t.is(call(195, '/tmp.txt', out), 0);
  t.is(long(out + 48), 0);
  t.is(call(5, '/tmp.txt', writeOnly | create | 0o200, 0), -linuxErrno.exist);
});

test('readv() and writev() go through a list of buffers, pread64() and pwrite64() leave the offset', (t) => {
  const { call, memory, text, stdout } = start();
  const view = memory.view();
  memory.bytes(buffer, 6).set(Buffer.from('abcdef'));
  for (const [at, value] of [buffer, 2, 0, 0, buffer + 4, 2].entries())
    view.setUint32(out + at * 4, value, true);
  t.is(call(146, 1, out, 3), 4);
  t.is(stdout.join(''), 'abef');
  const fd = call(5, '/new', readWrite | create, 0);
  t.is(call(146, fd, out, 3), 4);
  t.is(call(180, fd, buffer + 100, 10, 0, 1, 0), 3);
  t.is(text(buffer + 100, 3), 'bef');
  t.is(call(181, fd, buffer, 1, 0, 3, 0), 1);
  t.is(call(181, fd, buffer, 1, 0, 0, -1), -linuxErrno.inval);
  t.is(call(19, fd, 0, 1), 4);
  t.is(call(19, fd, 0, 0), 0);
  t.is(call(145, fd, out, 3), 4);
  t.is(text(buffer, 2) + text(buffer + 4, 2), 'abea');
});

test('directories are made, listed, renamed and removed', (t) => {
  const { call, memory, text, word } = start({ files: { 'd/one': '1', 'd/two': '2' } });
  t.is(call(39, '/d/sub', 0o755), 0);
  t.is(call(39, '/d/sub', 0o755), -linuxErrno.exist);
  const fd = call(5, '/d', 0o200000, 0);
  const names = (byteLength: number): string[] => {
    const found: string[] = [];
    for (let read = call(220, fd, buffer, byteLength); read > 0; read = call(220, fd, buffer, byteLength)) {
      for (let at = buffer; at < buffer + read; at += memory.view().getUint16(at + 16, true)) {
        const record = memory.view().getUint16(at + 16, true);
        const name = text(at + 19, record - 19).split('\0')[0]!;
        found.push(`${name}:${memory.bytes(at + 18, 1)[0]}`);
      }
    }
    return found.sort();
  };
  const expected = ['..:4', '.:4', 'one:8', 'sub:4', 'two:8'];
  t.deepEqual(names(64), expected);
  t.is(call(220, fd, buffer, 100), 0);
  t.is(call(38, '/d/one', '/d/sub/uno'), 0);
  t.is(call(33, '/d/one', 0), -linuxErrno.noent);
  t.is(call(33, '/d/sub/uno', 0), 0);
  t.is(call(40, '/d/sub'), -linuxErrno.notempty);
  t.is(call(10, '/d/sub/uno'), 0);
  t.is(call(40, '/d/sub'), 0);
  t.is(call(10, '/d'), -linuxErrno.isdir);
  t.is(call(197, fd, out), 0);
  t.is(word(out + 24), 0o040755);
});

test('link(), symlink() and readlink()', (t) => {
  const { call, memory, text, word } = start();
  t.is(call(9, '/lib/data.txt', '/hard'), 0);
  t.is(call(9, '/lib/data.txt', '/hard'), -linuxErrno.exist);
  t.is(call(9, '/lib', '/hard-directory'), -linuxErrno.perm);
  t.is(call(83, 'lib/data.txt', '/soft'), 0);
  t.is(call(85, '/soft', buffer, 100), 12);
  t.is(text(buffer, 12), 'lib/data.txt');
  t.is(call(85, '/hard', buffer, 100), -linuxErrno.inval);
  t.is(call(196, '/soft', out), 0);
  t.is(word(out + 24), 0o120777);
  t.is(call(195, '/soft', out), 0);
  t.is(word(out + 24), 0o100644);
  t.is(call(5, '/soft', 0o400000, 0), -linuxErrno.loop);
  memory.bytes(buffer, 6).fill(0);
  t.is(call(3, call(5, '/soft', readOnly, 0), buffer, 6), 6);
  t.is(text(buffer, 6), 'shared');
});

test('openat() begins at a directory, creat() makes a file', (t) => {
  const { call, text } = start();
  const directory = call(5, '/lib', 0o200000, 0);
  const fd = call(295, directory, 'data.txt', readOnly, 0);
  t.is(call(3, fd, buffer, 6), 6);
  t.is(text(buffer, 6), 'shared');
  t.true(call(295, -100, 'lib/data.txt', readOnly, 0) > fd);
  t.is(call(295, fd, 'data.txt', readOnly, 0), -linuxErrno.notdir);
  t.is(call(295, directory, 'none', readOnly, 0), -linuxErrno.noent);
  t.throws(() => call(295, directory, '../lib/data.txt', readOnly, 0), { instanceOf: GuestFault });
  t.is(call(6, call(8, '/made', 0o644)), 0);
  t.is(call(33, '/made', 0), 0);
});

test('relative paths begin at the working directory', (t) => {
  const { call, text } = start({ cwd: '/lib' });
  const fd = call(5, 'data.txt', readOnly, 0);
  t.is(call(3, fd, buffer, 6), 6);
  t.is(call(183, buffer, 100), 5);
  t.is(text(buffer, 5), '/lib\0');
  t.is(call(183, buffer, 4), -linuxErrno.range);
  t.is(call(5, 'none.txt', readOnly, 0), -linuxErrno.noent);
});

for (const path of ['/etc/passwd', '/none/x', '../x', 'lib/../../x', '/lib/none']) {
  test(`open() of ${path}, outside, ends the call in the words of the original`, (t) => {
    const { call } = start();
    t.throws(() => call(5, path, readOnly, 0), {
      instanceOf: GuestFault,
      message: 'Attempt to open invalid file',
    });
  });
}

test('what the original lets every function open is there', (t) => {
  const { call, memory, text, stdout } = start();
  const random = call(5, '/dev/urandom', readOnly, 0);
  t.is(call(3, random, buffer, 100), 100);
  t.true(memory.bytes(buffer, 100).every((byte) => byte === 7));
  const hosts = call(5, '/etc/hosts', readOnly, 0);
  t.true(call(3, hosts, buffer, 100) > 0);
  t.regex(text(buffer, 9), /127\.0\.0\.1/);
  t.throws(() => call(5, '/etc/hosts', writeOnly, 0), { message: 'Attempt to open invalid file' });
  const zero = call(5, '/dev/zero', readOnly, 0);
  t.is(call(3, zero, buffer, 100), 100);
  t.true(memory.bytes(buffer, 100).every((byte) => byte === 0));
  t.is(call(197, zero, out), 0);
  t.is(memory.view().getInt32(out + 24, true), 0o020666);
  const nothing = call(5, '/dev/null', readWrite, 0);
  t.is(call(4, nothing, buffer, 8000), 8000);
  t.is(call(3, nothing, buffer, 10), 0);
  memory.bytes(buffer, 1).set(Buffer.from('x'));
  t.is(call(4, call(5, '/dev/stdout', writeOnly | create | truncate, 0), buffer, 1), 1);
  t.is(stdout.join(''), 'x');
  t.is(call(3, call(5, '/dev/stdin', readOnly, 0), buffer, 100), 5);
  t.is(text(buffer, 5), 'input');
});

for (const [name, ...parameters] of [
  ['read', 3, 50, buffer, 1],
  ['write', 4, 3, buffer, 1],
  ['close', 6, 50],
  ['fcntl64', 221, 50, 1, 0],
  ['ioctl', 54, 50, 0, 0],
  ['fstat64', 197, 50, out],
] as const) {
  test(`${name}() of what the function did not open ends the call in the words of the original`, (t) => {
    const { call } = start();
    const [number, ...rest] = parameters;
    t.throws(() => call(number, ...rest), {
      instanceOf: GuestFault,
      message: 'fd not owned by this function',
    });
  });
}

test('there is no network, and a socket that is not owned ends the call', (t) => {
  const { call, memory } = start();
  const socket = call(102, 1, out);
  t.true(socket > 2);
  memory.view().setInt32(out, socket, true);
  t.is(call(102, 3, out), -linuxErrno.netunreach);
  memory.view().setInt32(out, socket + 1, true);
  t.throws(() => call(102, 3, out), { instanceOf: GuestFault, message: 'fd not owned by this function' });
  memory.view().setInt32(out, 1, true);
  t.is(call(102, 3, out), -linuxErrno.notsock);
  t.is(call(6, socket), 0);
});

test('poll() of standard input and of foreign descriptors ends the call', async (t) => {
  const { call, memory, slept } = start();
  const view = memory.view();
  view.setInt32(out, 0, true);
  view.setInt16(out + 4, 1, true);
  t.throws(() => call(168, out, 1, 0), { message: 'Attempt to interact with stdin' });
  view.setInt32(out, 30, true);
  t.throws(() => call(168, out, 1, 0), { message: 'fd not owned by this function' });
  view.setInt32(out, 1, true);
  view.setInt16(out + 4, 4, true);
  t.is(call(168, out, 1, 1000), 1);
  t.is(view.getInt16(out + 6, true), 4);
  t.is(await call(168, out, 0, 25), 0);
  t.deepEqual(slept, [25]);
});

test('ioctl() tells the size of a terminal, for output alone', (t) => {
  const { call, memory } = start();
  for (const fd of [1, 2]) {
    memory.bytes(out, 8).fill(9);
    t.is(call(54, fd, 0x5413, out), 0);
    t.is(memory.view().getUint16(out, true), 24);
    t.is(memory.view().getUint16(out + 2, true), 80);
    t.is(call(54, fd, 0x5401, out), -linuxErrno.notty);
  }
  t.is(call(54, 0, 0x5413, out), -linuxErrno.notty);
  t.is(call(54, call(5, '/lib/data.txt', readOnly, 0), 0x5413, out), -linuxErrno.notty);
  t.is(call(54, 1, 0x5413, 2 * 65_536), -linuxErrno.fault);
});

test('an empty path is nowhere', (t) => {
  const { call } = start();
  t.is(call(5, '', readOnly, 0), -linuxErrno.noent);
  for (const number of [10, 33, 40, 195, 196]) t.is(call(number, '', out), -linuxErrno.noent);
  t.is(call(39, '', 0o755), -linuxErrno.noent);
  t.is(call(85, '', buffer, 100), -linuxErrno.noent);
  for (const number of [9, 38, 83]) {
    t.is(call(number, '', '/x'), -linuxErrno.noent);
    t.is(call(number, '/lib/data.txt', ''), -linuxErrno.noent);
  }
  t.is(call(295, -100, '', readOnly, 0), -linuxErrno.noent);
});

test('standard input is read, standard output is written', (t) => {
  const { call, text, stdout } = start({ stdin: 'abc' });
  t.is(call(3, 0, buffer, 2), 2);
  t.is(call(3, 0, buffer + 2, 2), 1);
  t.is(call(3, 0, buffer, 2), 0);
  t.is(call(4, 1, buffer, 3), 3);
  t.is(stdout.join(''), 'abc');
  t.is(text(buffer, 3), 'abc');
});

test('dup(), dup2() and fcntl64() give another number to a descriptor', (t) => {
  const { call, stdout, memory } = start();
  memory.bytes(buffer, 1).set(Buffer.from('x'));
  const copy = call(41, 1);
  t.is(call(4, copy, buffer, 1), 1);
  t.is(stdout.join(''), 'x');
  const file = call(5, '/f', writeOnly | create | append, 0);
  t.is(call(221, file, 3, 0), writeOnly | append);
  t.is(call(221, file, 4, 0), 0);
  t.is(call(221, file, 3, 0), writeOnly);
  const same = call(41, file);
  t.is(call(4, same, buffer, 1), 1);
  t.is(call(19, file, 0, 1), 1, 'both have one offset');
  t.is(call(63, file, 1), 1);
  t.is(call(4, 1, buffer, 1), 1);
  t.is(stdout.join(''), 'x');
  t.is(call(195, '/f', out), 0);
});

test('brk() and mmap2() grow the memory, up to its own maximum', (t) => {
  const { call, linear } = start({ pages: 2 });
  const end = linear.buffer.byteLength;
  t.is(call(45, 0), end);
  t.is(call(45, end + 10), end + 10);
  t.is(linear.buffer.byteLength, end + 65_536);
  t.is(call(45, end), end);
  const mapped = call(192, 0, 100_000, 3, 0x22, -1, 0);
  t.is(mapped, end + 65_536);
  t.is(linear.buffer.byteLength, end + 3 * 65_536);
  t.is(call(45, end + 80_000), end, 'something else is behind the break now');
  t.is(call(91, mapped, 100_000), 0);
  new Uint8Array(linear.buffer).fill(9, mapped, mapped + 10);
  t.is(call(192, 0, 65_536, 3, 0x22, -1, 0), mapped);
  t.is(new Uint8Array(linear.buffer)[mapped], 0);
  t.is(call(192, 0, 10 * 65_536, 3, 0x22, -1, 0), -linuxErrno.nomem);
  t.is(call(192, 0, 0, 3, 0x22, -1, 0), -linuxErrno.inval);
});

test('sbrk() moves the break, and begins it anew behind what is mapped', (t) => {
  const { call, libc, linear } = start({ pages: 2 });
  const end = linear.buffer.byteLength;
  t.is(call(223, 0), end);
  t.is(call(223, 65_536), end);
  t.is(call(223, 65_536), end + 65_536);
  t.is(call(223, -65_536), end + 2 * 65_536);
  t.is(call(223, 0), end + 65_536);
  const mapped = call(192, 0, 65_536, 3, 0x22, -1, 0);
  t.is(mapped, end + 2 * 65_536);
  t.is(libc.__sbrk!(65_536), end + 65_536, 'it had been there before');
  t.is(libc.__sbrk!(65_536), end + 3 * 65_536);
  t.is(call(223, 65_536), -linuxErrno.nomem);
  t.is(libc.__sbrk!(65_536), -1);
});

test('mmap2() without a file needs no flag that says so', (t) => {
  const { call, linear } = start();
  const end = linear.buffer.byteLength;
  t.is(call(192, 0, 100, 2, 2, -1, 0), end);
  t.is(call(91, end + 1, 100), -linuxErrno.inval);
  t.is(call(91, end, 0), -linuxErrno.inval);
});

test('mmap2() of a file is a copy of it', (t) => {
  const { call, text } = start({ files: { big: `${'a'.repeat(4096)}page two` } });
  const fd = call(5, '/big', readOnly, 0);
  const mapped = call(192, 0, 8, 1, 2, fd, 1);
  t.is(text(mapped, 8), 'page two');
});

test('another call begins with no memory asked for', (t) => {
  const { call, linear, wasi, begin } = start();
  const first = call(192, 0, 65_536, 3, 0x22, -1, 0);
  t.is(call(91, first, 65_536), 0);
  wasi.reset();
  begin();
  t.is(call(45, 0), linear.buffer.byteLength);
  t.is(call(192, 0, 65_536, 3, 0x22, -1, 0), linear.buffer.byteLength - 65_536);
});

test('clocks, names and limits of the process', async (t) => {
  const { call, text, word, long, slept, memory, libc } = start();
  t.is(call(265, 0, out), 0);
  t.is(long(out), 1_700_000_000);
  t.is(call(78, out, 0), 0);
  t.is(long(out), 1_700_000_000);
  t.is(long(out + 8), 123_456);
  t.is(call(265, 99, out), -linuxErrno.inval);
  memory.view().setBigInt64(out, 1n, true);
  memory.view().setInt32(out + 8, 500_000_000, true);
  t.is(await call(162, out, 0), 0);
  t.deepEqual(slept, [1500]);
  t.is(call(122, out), 0);
  t.is(text(out, 5), 'Linux');
  t.is(call(191, 3, out), 0);
  t.is(word(out), -1);
  t.is(word(out + 4), -1);
  t.is(libc.getrlimit!(3, out), 0);
  t.is(long(out), -1);
  t.is(long(out + 8), -1);
  t.is(libc.ioctl!(1, 0x5413, out), 0);
  t.is(libc.ioctl!(1, 0x5401, out), -1);
  t.is(call(20), 23);
  for (const number of [199, 200, 201, 202]) t.is(call(number), 1000);
  t.is(call(355, buffer, 10, 0), 10);
  t.is(call(240, out, 0, 0), -linuxErrno.again);
  t.is(call(240, out, 1, 1), 0);
});

test('exit() and exit_group() end the call with their code, a signal to oneself traps', (t) => {
  const { call } = start();
  for (const number of [1, 252]) {
    const thrown = t.throws(() => call(number, 7), { any: true }) as unknown;
    t.true(thrown instanceof GuestExit && thrown.code === 7);
  }
  t.throws(() => call(238, 66, 6), { message: 'aborted' });
});

test('a call that nobody provides is ENOSYS, an address outside is EFAULT', (t) => {
  const { call, calls, memory, stderr } = start();
  t.is(call(999), -linuxErrno.nosys);
  t.is(call(999), -linuxErrno.nosys);
  t.is(call(2), -linuxErrno.nosys);
  t.deepEqual(stderr, ['System call 999 is not provided\n', 'System call 2 is not provided\n']);
  t.is(call(4, 1, -8, 100), -linuxErrno.fault);
  t.is(call(195, '/lib', -1), -linuxErrno.fault);
  for (const [at, value] of [1, buffer, 3].entries()) memory.view().setInt32(out + at * 4, value, true);
  t.is(calls.__syscall!(4, out), 3);
  t.is(calls.__syscall_cp!(4, 1, buffer, 2, 0, 0, 0), 2);
});
