/** Initialisation runs once for each version of a function: its snapshot outlives the process. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { guests, startTestHost, type TestHost } from './_host.ts';

const wasi = 'wasi_snapshot_preview1';
const output = '(import "env" "__faasm_write_output" (func $output (param i32 i32)))';
const random = `(import "${wasi}" "random_get" (func $random (param i32 i32) (result i32)))`;

/** Puts out 16 bytes that its initialisation drew at random, and what it left in a global of each type. */
const drawer = `(module ${output} ${random}
  (memory (export "memory") 2)
  (global $i32 (mut i32) (i32.const 0)) (global $i64 (mut i64) (i64.const 0))
  (global $f32 (mut f32) (f32.const 0)) (global $f64 (mut f64) (f64.const 0))
  (func (export "_initialize")
    (drop (call $random (i32.const 70000) (i32.const 16)))
    (global.set $i32 (i32.const -5)) (global.set $i64 (i64.const -6000000000))
    (global.set $f32 (f32.const 0.1)) (global.set $f64 (f64.const 1e300)))
  (func (export "exec") (result i32)
    (i32.store (i32.const 70016) (global.get $i32)) (i64.store (i32.const 70020) (global.get $i64))
    (f32.store (i32.const 70028) (global.get $f32)) (f64.store (i32.const 70032) (global.get $f64))
    (call $output (i32.const 70000) (i32.const 40))
    (i32.const 0)))`;

/** The drawn bytes as hex, once the globals are seen to be right. */
async function draw(at: TestHost, name: string): Promise<string> {
  const response = await at.post(name);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (bytes.length !== 40) throw new Error(`${response.status} ${bytes}`);
  const globals = [
    bytes.readInt32LE(16),
    bytes.readBigInt64LE(20),
    bytes.readFloatLE(28),
    bytes.readDoubleLE(32),
  ];
  const wanted = [-5, -6000000000n, Math.fround(0.1), 1e300];
  if (globals.some((value, each) => value !== wanted[each])) throw new Error(`globals are ${globals}`);
  return bytes.toString('hex', 0, 16);
}

async function protosOf(at: TestHost, name: string): Promise<string[]> {
  const folder = join(at.data, 'functions', 'protos', name);
  return (await readdir(folder).catch(() => [])).map((file) => join(folder, file));
}

test('initialisation does not run again after a restart', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/draw', drawer);
  const drawn = await draw(at, 'ada/draw');
  t.is(await draw(at, 'ada/draw'), drawn);
  await at.restart();
  t.is(await draw(at, 'ada/draw'), drawn);
  t.is(await draw(at, 'ada/draw'), drawn);
  await at.put('ada/draw', guests.echo);
  await at.put('ada/draw', drawer);
  t.is(await draw(at, 'ada/draw'), drawn, 'a version that is live again has the snapshot that it had');
});

test('a Proto-Faaslet that was never called is there after a restart', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/draw', drawer);
  await at.restart();
  const drawn = await draw(at, 'ada/draw');
  await at.restart();
  t.is(await draw(at, 'ada/draw'), drawn);
});

test('two functions of the same module have Proto-Faaslets of their own', async (t) => {
  await using at = await startTestHost();
  const names = ['ada/draw', 'ada/other', 'eve/draw'];
  for (const name of names) await at.put(name, drawer);
  const drawn = await Promise.all(names.map((name) => draw(at, name)));
  t.is(new Set(drawn).size, 3);
  await at.restart();
  t.deepEqual(await Promise.all(names.map((name) => draw(at, name))), drawn);
});

const damages: readonly (readonly [about: string, damage: (bytes: Buffer) => Uint8Array])[] = [
  ['damaged', (bytes) => bytes.fill(7, bytes.length - 1)],
  ['cut off', (bytes) => bytes.subarray(0, 50)],
  ['empty', () => new Uint8Array(0)],
  ['something else', () => Buffer.alloc(5000, 'not a Proto-Faaslet')],
];

for (const [about, damage] of damages) {
  test(`a kept Proto-Faaslet that is ${about} is taken again`, async (t) => {
    await using at = await startTestHost();
    await at.put('ada/draw', drawer);
    const drawn = await draw(at, 'ada/draw');
    const [file] = await protosOf(at, 'ada/draw');
    await writeFile(file!, damage(await readFile(file!)));
    await at.restart();
    const again = await draw(at, 'ada/draw');
    t.not(again, drawn);
    await at.restart();
    t.is(await draw(at, 'ada/draw'), again);
  });
}

test('a Proto-Faaslet of another function is not taken for its own', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/draw', drawer);
  await at.put('eve/draw', drawer);
  const drawn = await draw(at, 'ada/draw');
  const [ada] = await protosOf(at, 'ada/draw');
  const [eve] = await protosOf(at, 'eve/draw');
  await writeFile(eve!, await readFile(ada!));
  await at.restart();
  t.not(await draw(at, 'eve/draw'), drawn);
  t.is(await draw(at, 'ada/draw'), drawn);
});

test('a deleted function leaves no Proto-Faaslet, and is initialised anew when it is uploaded again', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/draw', drawer);
  const drawn = await draw(at, 'ada/draw');
  t.is((await fetch(`${at.url}/f/ada/draw`, { method: 'DELETE' })).status, 204);
  t.deepEqual(await protosOf(at, 'ada/draw'), []);
  await at.put('ada/draw', drawer);
  t.not(await draw(at, 'ada/draw'), drawn);
});

test('a module that has nothing to initialise needs no file', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/echo', guests.echo);
  t.deepEqual(await protosOf(at, 'ada/echo'), []);
  await at.restart();
  t.is(await (await at.post('ada/echo', 'hello')).text(), 'hello');
});
