import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildCached, type CachedBuildResult } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import { discoverFunctions } from '../../src/build/discover-functions.ts';
import { exportsOf, importsOf, runExec } from './guest.ts';

const demos = new Map<string, CachedBuildResult>();
let cacheFolder = '';

test.before(async (t) => {
  t.timeout(600_000);
  cacheFolder = await mkdtemp(join(tmpdir(), 'faasm-demos-'));
  const found = (await discoverFunctions('func')).functions.filter(({ user }) => user === 'demo');
  await Promise.all(
    found.map(async ({ name, path }) => {
      const text = await readFile(path, 'utf8');
      demos.set(name, await buildCached({ cacheFolder, sources: [{ path, text }] }));
    }),
  );
});
test.after.always(async () => {
  await stopToolchain();
  await rm(cacheFolder, { recursive: true });
});

const names = [
  'chain',
  'chain_await',
  'count_words',
  'dummy',
  'echo',
  'errors',
  'fibonacci',
  'hello',
  'increment',
  'recurse',
  'state',
  'state_offset',
  'top_words',
  'upload_state',
  'upper',
  'x2',
];

/** What it is started by, where that is not the exec() of C++. */
const entries = new Map([
  ['upper', ['_start']],
  ['count_words', ['main']],
  ['top_words', ['main']],
]);

test('func/demo has these demos', (t) => {
  t.deepEqual([...demos.keys()].sort(), names);
});

for (const name of names) {
  test(`demo/${name} builds without a warning to a module that Faasm can run`, (t) => {
    const { wasm, warnings } = demos.get(name)!;
    t.is(warnings, '');
    t.true(WebAssembly.validate(wasm));
    t.deepEqual(
      importsOf(wasm).filter((each) => !/^(?:env\.__faasm_|wasi_snapshot_preview1\.)\w+$/.test(each)),
      [],
    );
    const exports = exportsOf(wasm);
    t.true(exports.includes('memory'));
    t.true((entries.get(name) ?? ['exec', '_initialize']).every((each) => exports.includes(each)));
  });
}

const imports = test.macro((t, name: string, expected: readonly string[]) => {
  const faasm = importsOf(demos.get(name)!.wasm).filter((each) => each.startsWith('env.'));
  t.deepEqual(faasm.map((each) => each.replace('env.__faasm_', '')).sort(), [...expected].sort());
});

test('demo/dummy imports nothing', imports, 'dummy', []);
test('demo/hello imports the output alone', imports, 'hello', ['write_output']);
test('demo/increment imports a write lock', imports, 'increment', [
  'lock_state_write',
  'read_state',
  'write_state',
  'unlock_state_write',
  'write_output',
]);
test('demo/upload_state imports the pointer form', imports, 'upload_state', [
  'get_state_size',
  'read_state_ptr',
  'write_output',
]);

test('malloc is exported by C++ demos that await an output, and by no other', (t) => {
  const exporting = names
    .filter((name) => !name.endsWith('_words'))
    .filter((name) => exportsOf(demos.get(name)!.wasm).includes('malloc'));
  t.deepEqual(exporting, ['chain_await', 'fibonacci', 'recurse']);
});

test('demo/hello is smaller than 2 KB', (t) => {
  t.true(demos.get('hello')!.wasm.length < 2_000);
});

const runs = test.macro(
  async (t, name: string, input: string | Uint8Array, output: string, returnValue = 0) => {
    t.deepEqual(await runExec(demos.get(name)!.wasm, input), { returnValue, output });
  },
);

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test('demo/hello says hello', runs, 'hello', '', 'Hello faasm!');
test('demo/dummy has no output', runs, 'dummy', 'ignored', '');
test('demo/echo gives text back', runs, 'echo', 'any bytes', 'any bytes');
test('demo/echo gives an empty input back', runs, 'echo', '', '');
test('demo/echo gives every byte back', runs, 'echo', everyByte, Buffer.from(everyByte).toString('latin1'));
test('demo/x2 doubles', runs, 'x2', '21', '42');
test('demo/x2 doubles below zero', runs, 'x2', '-4', '-8');
test('demo/x2 refuses what is no number', runs, 'x2', 'many', '', 1);
test('demo/errors returns 3 when told so', runs, 'errors', 'return', '', 3);
test('demo/errors lists what it can do', runs, 'errors', '', 'return exit trap loop memory stack');

test('demo/errors traps when told so', async (t) => {
  await t.throwsAsync(runExec(demos.get('errors')!.wasm, 'trap'), { instanceOf: WebAssembly.RuntimeError });
});

test('demo/errors overflows the stack when told so', async (t) => {
  await t.throwsAsync(runExec(demos.get('errors')!.wasm, 'stack'), { instanceOf: RangeError });
});

test('demo/errors exits with 4 when told so', async (t) => {
  await t.throwsAsync(runExec(demos.get('errors')!.wasm, 'exit'), { message: /proc_exit was called/ });
});
