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
