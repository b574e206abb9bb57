import test from 'ava';
import initWabt from 'wabt';
import { prepareModule } from '../../src/functions/prepare.ts';

const wabt = await initWabt();
const prepare = (wat: string, memoryMaxPages = 16) =>
  prepareModule(new Uint8Array(wabt.parseWat('test.wat', wat).toBinary({}).buffer), { memoryMaxPages });

const module = (code: string) =>
  `(module (memory (export "memory") 1) (func (export "_initialize") ${code}) (func (export "exec")))`;
const grower = module('(drop (memory.grow (i32.const 1)))');

test('prepareModule() gives the same fingerprint each time', async (t) => {
  t.is((await prepare(grower)).fingerprint, (await prepare(grower)).fingerprint);
});

test('prepareModule() gives another fingerprint for another module or another memory limit', async (t) => {
  const { fingerprint } = await prepare(grower);
  t.not((await prepare(module('nop'))).fingerprint, fingerprint);
  t.not((await prepare(grower, 17)).fingerprint, fingerprint);
});

test('prepareModule() has the denied pages restored with the globals', async (t) => {
  const { layout } = await prepare(grower);
  t.truthy(layout.deniedGrowth);
  t.is(layout.mutableGlobals.at(-1), layout.deniedGrowth);
});

const importing = (name: string, type: string, more = '') =>
  `(module (import "wasi_snapshot_preview1" "${name}" (func ${type})) ${more} (func (export "_start")))`;

test('prepareModule() refuses a module without the memory that WASI works on', async (t) => {
  const write = importing('fd_write', '(param i32 i32 i32 i32) (result i32)');
  await t.throwsAsync(prepare(write), { code: 'bad_module', message: /no memory, and imports .*fd_write/ });
  await t.notThrowsAsync(prepare(write.replace('(func (export', '(memory 1) (func (export')));
  await t.notThrowsAsync(prepare(importing('proc_exit', '(param i32)')));
});

test('prepareModule() takes a standalone module of Emscripten', async (t) => {
  const code =
    '(module (import "env" "emscripten_notify_memory_growth" (func $grown (param i32))) (memory (export "memory") 1)' +
    '(func (export "_start") (drop (memory.grow (i32.const 1))) (call $grown (i32.const 0))))';
  t.is((await prepare(code)).layout.entry, '_start');
});

test('prepareModule() takes a table as large as it is told, and names the setting beyond', async (t) => {
  const wat = '(module (table 200000 funcref) (func (export "exec")))';
  const bytes = () => new Uint8Array(wabt.parseWat('test.wat', wat).toBinary({}).buffer);
  await t.throwsAsync(prepareModule(bytes(), { memoryMaxPages: 16 }), {
    code: 'bad_module',
    message: /200000 elements.*FAASM_TABLE_MAX_ELEMENTS/,
  });
  await t.notThrowsAsync(prepareModule(bytes(), { memoryMaxPages: 16, tableMaxElements: 200_000 }));
});

test('prepareModule() takes an export called memory for what it is', async (t) => {
  const code = '(func (export "memory")) (memory 1)';
  const { layout } = await prepare(importing('random_get', '(param i32 i32) (result i32)', code));
  t.not(layout.memory, 'memory');
  t.is((await prepare('(module (func (export "memory")) (func (export "exec")))')).layout.memory, undefined);
});
