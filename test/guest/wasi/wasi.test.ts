import test from 'ava';
import wabt from 'wabt';
import { GuestExit } from '../../../src/guest/guest-fault.ts';
import { GuestMemory } from '../../../src/guest/guest-memory.ts';
import { wasiTable, wasiUnstableTable } from '../../../src/guest/wasi/table.ts';
import { createWasi, type WasiModule, type WasiPowers } from '../../../src/guest/wasi/wasi.ts';
import { create, Guest, out, root } from './guest.ts';

const { parseWat } = await wabt();

async function compile(wat: string): Promise<WebAssembly.Module> {
  const parsed = parseWat('guest.wat', wat);
  return WebAssembly.compile(new Uint8Array(parsed.toBinary({}).buffer));
}

const limits = { bytes: 1000, inodes: 10, openFiles: 10 };
const types = { i: 'i32', I: 'i64' } as const;

function toWat(signature: string): string {
  const [parameters, results] = signature.split(':') as [string, string];
  const list = (word: string, letters: string) =>
    letters === '' ? '' : `(${word} ${[...letters].map((letter) => types[letter as 'i' | 'I']).join(' ')})`;
  return `${list('param', parameters)} ${list('result', results)}`;
}

/** A module that imports every function of a table, and exports for each a call of it with zeros. */
function everyFunction(module: WasiModule, table: typeof wasiTable): string {
  const imports: string[] = [];
  const exports: string[] = [];
  for (const [name, { signature }] of Object.entries(table)) {
    imports.push(`(import "${module}" "${name}" (func $${name} ${toWat(signature)}))`);
    const zeros = [...signature.split(':')[0]!].map((letter) => `(${types[letter as 'i' | 'I']}.const 0)`);
    const result = signature.endsWith(':i') ? '(result i32)' : '';
    exports.push(`(func (export "${name}") ${result} (call $${name} ${zeros.join(' ')}))`);
  }
  return `(module ${imports.join('\n')} (memory (export "memory") 1) ${exports.join('\n')})`;
}

/** What each function answers a guest that passes nothing but zeros. */
const answersToZeros: Record<string, number> = {
  fd_advise: 70,
  fd_allocate: 70,
  fd_datasync: 28,
  fd_sync: 28,
  fd_filestat_set_size: 70,
  fd_filestat_set_times: 76,
  fd_pread: 70,
  fd_pwrite: 70,
  fd_prestat_get: 8,
  fd_prestat_dir_name: 8,
  fd_readdir: 54,
  fd_seek: 70,
  fd_tell: 70,
  fd_write: 76,
  path_create_directory: 54,
  path_filestat_get: 54,
  path_filestat_set_times: 54,
  path_link: 54,
  path_open: 54,
  path_readlink: 54,
  path_remove_directory: 54,
  path_rename: 54,
  path_symlink: 44,
  path_unlink_file: 54,
  poll_oneoff: 28,
  proc_raise: 52,
  sock_accept: 57,
  sock_recv: 57,
  sock_send: 57,
  sock_shutdown: 57,
};

const realPowers: WasiPowers = {
  realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
  monotonicNs: () => process.hrtime.bigint(),
  randomFill: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const modules = { wasi_snapshot_preview1: wasiTable, wasi_unstable: wasiUnstableTable } as const;

for (const [module, table] of Object.entries(modules) as [WasiModule, typeof wasiTable][]) {
  test(`every function of ${module} has the signature of its table`, async (t) => {
    const compiled = await compile(everyFunction(module, table));
    for (const name of Object.keys(table)) {
      const memory = new GuestMemory();
      const wasi = createWasi(memory, realPowers, { limits });
      const { exports } = await WebAssembly.instantiate(compiled, {
        [module]: wasi.pick(Object.keys(table), module),
      });
      memory.attach(exports.memory as WebAssembly.Memory);
      const run = exports[name] as () => number;
      if (name === 'proc_exit') t.true((t.throws(run, { any: true }) as unknown) instanceof GuestExit);
      else t.is(run(), answersToZeros[name] ?? 0, name);
    }
  });
}

test('a guest reads its input, writes it out twice and exits', async (t) => {
  const compiled = await compile(`(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\40\\00\\00\\00\\10\\00\\00\\00")
    (func (export "_start")
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (i32.store (i32.const 8) (i32.const 64))
      (i32.store (i32.const 12) (i32.load (i32.const 4)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 16)))
      (call $exit (i32.load (i32.const 16)))))`);
  const memory = new GuestMemory();
  const wasi = createWasi(memory, realPowers, { limits });
  const { exports } = await WebAssembly.instantiate(compiled, { wasi_snapshot_preview1: wasi.functions });
  memory.attach(exports.memory as WebAssembly.Memory);
  let stdout = '';
  wasi.begin({
    args: [],
    env: {},
    stdin: new TextEncoder().encode('ping'),
    stdout: (bytes) => void (stdout += new TextDecoder().decode(bytes)),
    stderr: () => t.fail(),
  });
  const thrown = t.throws(exports._start as () => void, { any: true }) as unknown;
  t.is((thrown as GuestExit).code, 8);
  t.is(stdout, 'pingping');
});

test('a guest that sleeps is suspended and goes on', async (t) => {
  const compiled = await compile(`(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i64.store (i32.const 0) (i64.const 77))
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 1000000))
      (if (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)) (then (return (i32.const -1))))
      (i32.add (i32.load (i32.const 64)) (i32.load (i32.const 128)))))`);
  const memory = new GuestMemory();
  const wasi = createWasi(memory, realPowers, { limits });
  const poll = new WebAssembly.Suspending(wasi.functions.poll_oneoff!);
  const { exports } = await WebAssembly.instantiate(compiled, {
    wasi_snapshot_preview1: { poll_oneoff: poll as unknown as WebAssembly.ImportValue },
  });
  memory.attach(exports.memory as WebAssembly.Memory);
  const run = WebAssembly.promising(exports.run as () => number);
  t.is(await run(), 78);
});

test('reset() forgets files, descriptors, rights, flags and streams', (t) => {
  const guest = new Guest({ files: { keep: 'kept', gone: 'back' }, stdin: 'first', args: ['a'] });
  guest.read(0, 3);
  guest.call('fd_fdstat_set_flags', 1, 4);
  guest.call('fd_fdstat_set_rights', root, 0n, 0n);
  guest.wasi.reset();
  guest.begin({ stdin: 'second' });
  t.is(guest.read(0, 3), 'sec');
  guest.call('fd_fdstat_get', 1, out);
  t.is(guest.memory.view().getUint16(out + 2, true), 0);

  guest.create('tmp/made', 'x');
  guest.write(guest.open('keep'), 'KEPT');
  guest.call('path_unlink_file', root, 'gone');
  guest.call('fd_close', 0);
  guest.call('fd_renumber', guest.open('keep'), 2);
  guest.wasi.reset();
  guest.begin();
  t.is(guest.stat('tmp/made'), 'noent');
  t.is(guest.content('keep'), 'kept');
  t.is(guest.content('gone'), 'back');
  t.is(guest.read(0, 1), '');
  t.is(guest.write(2, 'err'), 3);
  t.is(guest.stderr, 'err');
  t.is(guest.open('keep'), 4);
  guest.call('args_sizes_get', out, out + 4);
  t.is(guest.u32(), 0);
});

test('reset() gives the whole quota back', (t) => {
  const guest = new Guest({ limits: { bytes: 4, inodes: 1, openFiles: 5 } });
  for (let round = 0; round < 3; round += 1) {
    const fd = guest.open('f', { flags: create });
    t.is(guest.write(fd, '12345'), 4);
    t.throws(() => guest.open('f'), { message: 'mfile' });
    guest.wasi.reset();
    guest.begin();
  }
});

test('reset() gives new files the same inode numbers, so that calls are alike', (t) => {
  const guest = new Guest();
  const make = () => {
    guest.create('f');
    return (guest.stat('f') as { inode: bigint }).inode;
  };
  const first = make();
  guest.wasi.reset();
  guest.begin();
  t.is(make(), first);
});

test('what is written between calls goes nowhere', (t) => {
  const guest = new Guest({ stdin: 'x' });
  guest.wasi.reset();
  t.is(guest.write(1, 'lost'), 4);
  t.is(guest.read(0, 1), '');
  t.is(guest.stdout, '');
});

test('two Faaslets share the base but not what they write', (t) => {
  const files = { f: new TextEncoder().encode('base') };
  const [first, second] = [new Guest({ files }), new Guest({ files })];
  first.write(first.open('f'), 'OWN!');
  first.create('tmp/x');
  t.is(second.content('f'), 'base');
  t.is(second.stat('tmp/x'), 'noent');
});

test('createWasi() with no preopens opens none', (t) => {
  const guest = new Guest({ preopens: [] });
  t.is(guest.call('fd_prestat_get', root, out), 'badf');
  t.is(guest.call('path_open', root, 0, 'tmp', 0, 0n, 0n, 0, out), 'badf');
});

test('createWasi() keeps a preopen on its directory when that is moved through another', (t) => {
  const preopens = [
    { name: '/', directory: '' },
    { name: '/d', directory: 'd' },
  ];
  const guest = new Guest({ files: { 'd/f': 'x' }, preopens });
  t.is(guest.call('path_rename', root, 'd', root, 'moved'), 'success');
  t.is(guest.read(guest.open('f', { from: root + 1 }), 9), 'x');
});

for (const directory of ['f', 'f/g']) {
  test(`createWasi() refuses to preopen ${directory}`, (t) => {
    t.throws(() => new Guest({ files: { f: '' }, preopens: [{ name: '/', directory }] }), {
      instanceOf: TypeError,
      message: /Cannot preopen \/: f.* is no directory/,
    });
  });
}

test('a function called before there is a memory answers fault', (t) => {
  const wasi = createWasi(new GuestMemory(), realPowers, { limits });
  t.is(wasi.functions.args_sizes_get!(0, 4), 21);
});

test('pick() leaves out what the module does not have', (t) => {
  const { wasi } = new Guest();
  t.deepEqual(Object.keys(wasi.pick(['fd_read', 'fd_fly', 'constructor'])), ['fd_read']);
});
