import test from 'ava';
import { bodiesToTry, defaultCompileLimits } from '../../src/wasm/compile-limits.ts';
import { scanModule } from '../../src/wasm/scan.ts';
import { caughtCalls, fannedOut, nestedArms, nestedLoops, waysAndLocals } from './bodies.ts';
import { fromWat, refusal } from './fixtures.ts';
import { fromObjectWat } from './object-modules.ts';

const limits = { ...defaultCompileLimits, compileMaxBytes: 256 * 2 ** 20 };
const judge = (bytes: Uint8Array): number[] => bodiesToTry(scanModule(bytes), limits);

const kinds = { waysAndLocals, nestedArms, caughtCalls, fannedOut } as const;

for (const [kind, make] of Object.entries(kinds)) {
  test(`bodiesToTry() takes few ways and locals as they are, has more tried, and refuses many: ${kind}`, (t) => {
    t.deepEqual(judge(make(300, 300)), []);
    t.deepEqual(judge(make(2000, 2000)), [0]);
    t.regex(
      refusal(() => judge(make(20_000, 20_000))),
      /^bad_module: .*function 0 has 20000 locals and \d+ branches in \d+ bytes.*split it/,
    );
  });
}

test('bodiesToTry() counts the locals that nobody sets', (t) => {
  t.deepEqual(judge(nestedLoops(2000, 20_000)), [0]);
  t.deepEqual(judge(nestedLoops(2000, 100)), []);
});

test('bodiesToTry() refuses loops that nest so deep that they are read for ever', (t) => {
  t.regex(
    refusal(() => judge(nestedLoops(100_000, 1))),
    /^bad_module: .*loops that nest too deep/,
  );
});

test('bodiesToTry() refuses a small body with more locals than it can use, which would be inlined', (t) => {
  const blocks = '(block (br_if 0 (local.get 0)))'.repeat(30);
  const body = (locals: number) => `(module (func ${'(local i32)'.repeat(locals)} ${blocks}))`;
  t.regex(
    refusal(() => judge(fromWat(body(40_000)))),
    /^bad_module: .*function 0 has 40000 locals.*more than so little code can use/,
  );
  t.deepEqual(judge(fromWat(body(100))), []);
});

const thousand = 'i32 '.repeat(1000);
const push = '(i32.const 0)'.repeat(1000);
const passing = {
  calls: (times: number) =>
    `(func $f (result ${thousand}) unreachable) (func ${'call $f '.repeat(times)} unreachable)`,
  'calls of a table': (times: number) =>
    `(table 1 funcref) (func ${'i32.const 0 call_indirect (type $many) '.repeat(times)} unreachable)`,
  blocks: (times: number) => `(func ${push} ${'block (type $through) end '.repeat(times)} unreachable)`,
  loops: (times: number) => `(func ${push} ${'loop (type $through) end '.repeat(times)} unreachable)`,
  branches: (times: number) =>
    `(func block (type $many) ${push} ${'i32.const 0 br_if 0 '.repeat(times)} end unreachable)`,
  'a branch table': (times: number) =>
    `(func block (type $many) ${push} i32.const 0 br_table ${'0 '.repeat(times)} end unreachable)`,
  'ways out of a function': (times: number) =>
    `(func (type $many) ${push} ${'i32.const 0 br_if 0 '.repeat(times)} unreachable)`,
  handlers: (times: number) =>
    `(tag $e (param ${thousand})) (func try ${'catch $e unreachable '.repeat(times)} end unreachable)`,
};
for (const [kind, make] of Object.entries(passing)) {
  test(`bodiesToTry() refuses what passes more values than any program does: ${kind}`, (t) => {
    const types = `(type $many (func (result ${thousand}))) (type $through (func (param ${thousand}) (result ${thousand})))`;
    const body = (times: number) => `(module ${types} ${make(times)})`;
    t.deepEqual(judge(fromWat(body(5))), []);
    t.regex(
      refusal(() => judge(fromWat(body(250)))),
      /^bad_module: .*which pass \d+ values at once/,
    );
  });
}

test('bodiesToTry() has tried what holds many values at many ways, or calls, and refuses more', (t) => {
  const held = (values: number, way: string) =>
    judge(
      fromWat(`(module (func $f) (func ${'i32.const 0 '.repeat(values)} ${way.repeat(5000)} unreachable))`),
    );
  for (const way of ['block end ', 'loop end ', 'i32.const 0 if end ', 'i32.const 0 br_if 0 ', 'call $f ']) {
    t.deepEqual(held(100, way), [], way);
    t.deepEqual(held(5000, way), [1], way);
    t.regex(
      refusal(() => held(50_000, way)),
      /^bad_module: .*too many values on its stack/,
    );
  }
  t.deepEqual(judge(fromWat(`(module (func ${'i32.const 0 drop block end '.repeat(10_000)}))`)), []);
});

test('bodiesToTry() counts every kind of value that is put on the stack', (t) => {
  const pushes = [
    'local.get 0 ',
    'global.get 0 ',
    'i64.const 0 ',
    'f64.const 0 ',
    'v128.const i32x4 0 0 0 0 ',
    'memory.size ',
    'table.size 0 ',
    'ref.null func ',
    'ref.func $f ',
  ];
  for (const push of pushes) {
    const body = `(func $f (param i32) ${push.repeat(7)} block end unreachable)`;
    const module = `(module (memory 1) (table 1 funcref) (global i32 (i32.const 0)) (elem declare func $f) ${body})`;
    t.is(scanModule(fromWat(module)).code.shapes[0]?.held, 7, push);
  }
});

test('bodiesToTry() counts the fields of structs that are made, and arrays, which take more than their bytes', (t) => {
  const body = (code: string, count: number) =>
    fromObjectWat(`(module (type $wide (struct ${'(field i32)'.repeat(10_000)})) (type $bytes (array i8))
      (func (param i32) ${'(nop)'.repeat(500)} ${code.repeat(count)}))`);
  const struct = '(drop (struct.new_default $wide))';
  const array = '(drop (array.new_default $bytes (local.get 0)))';
  t.deepEqual(judge(body(struct, 10)), []);
  t.deepEqual(judge(body(struct, 40)), [0]);
  t.deepEqual(judge(body(array, 1000)), []);
  t.deepEqual(judge(body(array, 10_000)), [0]);
});

test('bodiesToTry() counts what instructions on objects take from the stack', (t) => {
  const instructions = [
    '(drop (struct.new $s (i32.const 0) (i32.const 0)))',
    '(struct.set $s 0 (struct.new_default $s) (i32.const 0))',
    '(drop (array.new_fixed $a 3 (i32.const 0) (i32.const 0) (i32.const 0)))',
    '(drop (array.get $a (array.new $a (i32.const 0) (i32.const 1)) (i32.const 0)))',
    '(array.set $a (array.new_default $a (i32.const 1)) (i32.const 0) (i32.const 0))',
    '(array.fill $a (array.new_default $a (i32.const 1)) (i32.const 0) (i32.const 0) (i32.const 0))',
    '(drop (ref.eq (ref.null any) (ref.null any)))',
  ];
  const types = '(type $s (struct (field (mut i32)) (field i32))) (type $a (array (mut i32)))';
  for (const instruction of instructions) {
    const body = `${instruction}(block)`.repeat(2000).replaceAll('ref.null any', 'ref.null eq');
    const { code } = scanModule(fromObjectWat(`(module ${types} (func ${body}))`));
    t.is(code.shapes[0]?.held, 0, instruction);
  }
});
