import test from 'ava';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { type RewrittenModule, rewriteModule } from '../../src/wasm/rewrite.ts';
import { codeSection, type Exports, fromSections, fromWat, instantiate, section } from './fixtures.ts';

const end = 0x0b;

function rewrite(wat: string, memoryMaxPages = 16): RewrittenModule {
  return rewriteModule(fromWat(wat), { memoryMaxPages });
}

/** The custom sections of a module by name. */
function customSection(bytes: Uint8Array<ArrayBuffer>, name: string): Uint8Array[] {
  return WebAssembly.Module.customSections(new WebAssembly.Module(bytes), name).map(
    (content) => new Uint8Array(content),
  );
}

test('rewriteModule() leaves a module alone that has nothing to rewrite', (t) => {
  const bytes = fromWat('(module (func (export "f") (result i32) i32.const 1) (global i32 (i32.const 1)))');
  const rewritten = rewriteModule(bytes, { memoryMaxPages: 16 });
  t.deepEqual(rewritten, {
    bytes,
    mutableGlobals: [],
    memory: undefined,
    memories: [],
    start: undefined,
    deniedGrowth: undefined,
    restorable: true,
    reasons: [],
  });
});

test('rewriteModule() exports mutable globals, so that what they held can be set again', (t) => {
  const { bytes, mutableGlobals } = rewrite(`(module
    (global $a (mut i32) (i32.const 1)) (global i64 (i64.const 2)) (global $b (export "b") (mut i64) (i64.const 3))
    (global $c (mut f32) (f32.const 0.5)) (global $d (mut f64) (f64.const 0.25))
    (global $e (mut externref) (ref.null extern)) (global $f (mut funcref) (ref.null func))
    (func $change (export "change")
      i32.const 9 global.set $a i64.const 9 global.set $b f32.const 9 global.set $c f64.const 9 global.set $d
      ref.func $change global.set $f))`);
  t.deepEqual(
    mutableGlobals,
    [0, 2, 3, 4, 5, 6].map((index) => `__faasm_global_${index}`),
  );
  const exports = instantiate(bytes);
  const read = () => mutableGlobals.map((name) => exports[name].value);
  const initial = read();
  t.deepEqual(initial, [1, 3n, 0.5, 0.25, null, null]);

  exports.change();
  exports.__faasm_global_5.value = 'something';
  const changed = read();
  t.deepEqual(changed, [9, 9n, 9, 9, 'something', exports.change]);
  t.is(exports.b.value, 9n);

  for (const [at, name] of mutableGlobals.entries()) exports[name].value = initial[at];
  t.deepEqual(read(), initial);
  for (const [at, name] of mutableGlobals.entries()) exports[name].value = changed[at];
  t.deepEqual(read(), changed);
});

test('rewriteModule() exports a mutable global that refers to functions of one type', (t) => {
  const bytes = fromSections(
    section(1, [1, 0x60, 0, 0]),
    section(3, [1, 0]),
    section(6, [1, 0x64, 0, 1, 0xd2, 0, end]),
    section(7, [1, 1, 0x66, 0, 0]),
    codeSection([end]),
  );
  const rewritten = rewriteModule(bytes, { memoryMaxPages: 16 });
  t.deepEqual(rewritten.mutableGlobals, ['__faasm_global_0']);
  const { f, __faasm_global_0: global } = instantiate(rewritten.bytes);
  t.is(global.value, f);
  global.value = f;
  t.true(rewritten.restorable);
});

test('rewriteModule() exports imported mutable globals too', (t) => {
  const { bytes, mutableGlobals } = rewrite('(module (import "a" "b" (global (mut i32))))');
  const imported = new WebAssembly.Global({ value: 'i32', mutable: true }, 5);
  const exports = instantiate(bytes, { a: { b: imported } });
  t.deepEqual(mutableGlobals, ['__faasm_global_0']);
  t.is(exports.__faasm_global_0, imported);
});

test('rewriteModule() gives names that the module does not export itself', (t) => {
  const rewritten = rewrite(`(module (memory 1) (global (mut i32) (i32.const 1)) (func $f) (start $f)
    (export "__faasm_global_0" (func $f)) (export "__faasm_global_0_" (func $f)) (export "__faasm_memory_0" (func $f))
    (export "__faasm_start" (func $f)) (export "__faasm_denied_growth" (func $f))
    (func i32.const 1 memory.grow drop))`);
  t.deepEqual(rewritten.mutableGlobals, ['__faasm_global_0__', '__faasm_denied_growth_']);
  t.is(rewritten.memory, '__faasm_memory_0_');
  t.is(rewritten.start, '__faasm_start_');
  const exports = instantiate(rewritten.bytes);
  t.is(exports.__faasm_global_0__.value, 1);
  t.is(typeof exports.__faasm_global_0, 'function');
});

test('rewriteModule() uses the name under which the memory is exported already', (t) => {
  const { memory, memories } = rewrite('(module (memory (export "mem") (export "again") 1))');
  t.is(memory, 'mem');
  t.deepEqual(memories, ['mem']);
});

test('rewriteModule() is not misled by an export that is called memory', (t) => {
  const { bytes, memory } = rewrite('(module (memory 1) (func (export "memory")))');
  t.is(memory, '__faasm_memory_0');
  t.true(instantiate(bytes).__faasm_memory_0 instanceof WebAssembly.Memory);
});

const boundsMemory = test.macro({
  title: (_, declared: string, limit: number, wanted: number) =>
    `rewriteModule() lets a memory (${declared}) grow to ${wanted} pages under a limit of ${limit}`,
  exec(t, declared: string, limit: number, wanted: number) {
    const { bytes, memory } = rewrite(`(module (memory (export "m") ${declared}))`, limit);
    const grown = instantiate(bytes)[memory!];
    const initial = grown.buffer.byteLength / 65_536;
    grown.grow(wanted - initial);
    t.throws(() => grown.grow(1), { instanceOf: RangeError });
    t.is(grown.buffer.byteLength, wanted * 65_536);
  },
});

test(boundsMemory, '1', 16, 16);
test(boundsMemory, '1 8', 16, 8);
test(boundsMemory, '1 17', 16, 16);
test(boundsMemory, '1 65536', 300, 300);
test(boundsMemory, '16 16', 16, 16);
test(boundsMemory, '1 20 shared', 16, 16);
test(boundsMemory, '0', 0, 0);

test('rewriteModule() bounds an imported memory, by the type that it must have', (t) => {
  const bytes = fromWat('(module (import "a" "b" (memory 1)) (import "a" "c" (func)))');
  const rewritten = rewriteModule(bytes, { memoryMaxPages: 16 });
  const link = (maximum?: number) => () =>
    instantiate(rewritten.bytes, {
      a: { b: new WebAssembly.Memory({ initial: 1, ...(maximum && { maximum }) }), c: () => {} },
    });
  t.throws(link(), { instanceOf: WebAssembly.LinkError });
  t.throws(link(17), { instanceOf: WebAssembly.LinkError });
  t.true(link(16)()[rewritten.memory!] instanceof WebAssembly.Memory);
});

const growing = `(module (memory (export "m") 1) (data (i32.const 0) "abc")
  (global $g (mut i32) (i32.const 7))
  (func $helper (param i32) (result i32) local.get 0 i32.const 1 i32.add)
  (func (export "grow") (param i32) (result i32) (local i64) local.get 0 memory.grow)
  (func (export "twice") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (memory.grow (memory.grow (local.get 0)))) (else (memory.size))))
  (func (export "other") (result i32) (call $helper (i32.load8_u (i32.const 1)))))`;

test('rewriteModule() keeps what memory.grow gives', (t) => {
  const before = instantiate(fromWat(growing.replace('1)', '1 16)')));
  const after = instantiate(rewrite(growing).bytes);
  const run = (exports: Exports) => [
    exports.other(),
    exports.grow(0),
    exports.grow(3),
    exports.grow(100),
    exports.grow(-1),
    exports.twice(2),
    exports.twice(0),
    exports.other(),
    exports.m.buffer.byteLength,
  ];
  const results = run(after);
  t.deepEqual(results, run(before));
  t.is(results[3], -1);
});

test('rewriteModule() tells how many pages were last asked for in vain', (t) => {
  const { bytes, deniedGrowth, mutableGlobals } = rewrite(growing);
  const exports = instantiate(bytes);
  const denied = exports[deniedGrowth!];
  exports.grow(15);
  t.is(denied.value, 0);
  exports.grow(5);
  t.is(denied.value, 5);
  exports.grow(-1);
  t.is(denied.value >>> 0, 0xffff_ffff);
  exports.grow(0);
  t.is(denied.value >>> 0, 0xffff_ffff);
  t.is(mutableGlobals.at(-1), deniedGrowth);
});

test('rewriteModule() keeps custom sections, and leaves out hints whose offsets have moved', (t) => {
  const custom = (name: string, ...content: number[]) =>
    section(0, [name.length, ...Buffer.from(name), ...content]);
  const module = (...body: number[]) =>
    fromSections(
      custom('first', 1),
      section(1, [1, 0x60, 0, 0]),
      section(3, [1, 0]),
      section(5, [1, 0, 1]),
      custom('metadata.code.branch_hint', 0),
      codeSection(body),
      custom('name', 0, 1, 0),
      custom('last'),
    );
  const bytes = module(0x41, 1, 0x40, 0, 0x1a, end);
  const { bytes: grown } = rewriteModule(bytes, { memoryMaxPages: 16 });
  const { bytes: fixed } = rewriteModule(module(end), { memoryMaxPages: 16 });
  for (const name of ['first', 'name', 'last'])
    t.deepEqual(customSection(grown, name), customSection(bytes, name));
  t.is(customSection(grown, 'metadata.code.branch_hint').length, 0);
  t.is(customSection(fixed, 'metadata.code.branch_hint').length, 1);
});

test('rewriteModule() calls the grow function where its index takes more than one byte', (t) => {
  const functions = '(func $f (result i32) memory.size)'.repeat(200).replaceAll('$f', '');
  const { bytes } = rewrite(`(module (memory 1) ${functions}
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))`);
  t.is(instantiate(bytes).grow(2), 1);
});

test('rewriteModule() grows memory in a module with a recursion group of types', (t) => {
  const bytes = fromSections(
    section(1, [2, 0x4e, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0, 0x60, 0, 1, 0x7f]),
    section(3, [1, 2]),
    section(5, [1, 0, 1]),
    section(7, [1, 1, 0x67, 0, 0]),
    codeSection([0x41, 2, 0x40, 0, end]),
  );
  t.is(instantiate(rewriteModule(bytes, { memoryMaxPages: 16 }).bytes).g(), 1);
});

const several = `(module (memory (export "a") 1) (memory 2 5) (memory 0)
  (func (export "grow0") (param i32) (result i32) local.get 0 memory.grow 0)
  (func (export "grow1") (param i32) (result i32) local.get 0 memory.grow 1)
  (func (export "size2") (result i32) memory.size 2))`;

test('rewriteModule() bounds several memories, each and together', (t) => {
  const { bytes, memory, memories, deniedGrowth, mutableGlobals, restorable, reasons } = rewrite(several, 10);
  t.deepEqual(memories, ['a', '__faasm_memory_1', '__faasm_memory_2']);
  t.is(memory, 'a');
  t.deepEqual(mutableGlobals, [deniedGrowth!]);
  t.false(restorable);
  t.deepEqual(reasons, ['it has 3 memories']);

  const exports = instantiate(bytes);
  t.is(exports.grow1(4), -1);
  t.is(exports[deniedGrowth!].value, 4);
  t.is(exports.grow1(3), 2);
  t.is(exports.grow0(5), -1);
  t.is(exports[deniedGrowth!].value, 5);
  t.is(exports.grow0(-1), -1);
  t.is(exports.grow0(4), 1);
  t.is(exports.grow0(0), 5);
  t.is(exports.size2(), 0);
});

test('rewriteModule() bounds two memories together', (t) => {
  const exports = instantiate(
    rewrite(
      `(module (memory (export "a") 1) (memory 2)
        (func (export "grow0") (param i32) (result i32) local.get 0 memory.grow 0)
        (func (export "grow1") (param i32) (result i32) local.get 0 memory.grow 1))`,
      10,
    ).bytes,
  );
  t.is(exports.grow0(4), 1);
  t.is(exports.grow1(4), -1);
  t.is(exports.grow1(3), 2);
  t.is(exports.grow0(1), -1);
});

test('rewriteModule() leaves the start function to be called once by its new name', (t) => {
  const wat = `(module (import "env" "log" (func $log (param i32))) (memory 1) (data (i32.const 0) "\\05")
    (func $begin (call $log (i32.load (i32.const 0)))) (start $begin))`;
  const { bytes, start } = rewrite(wat);
  t.is(start, '__faasm_start');
  t.false(inspectModule(bytes, { memoryMaxPages: 16 }).hasStart);
  const logged: number[] = [];
  const exports = instantiate(bytes, { env: { log: (value: number) => logged.push(value) } });
  t.deepEqual(logged, []);
  exports[start!]();
  t.deepEqual(logged, [5]);
});

test('rewriteModule() exports a start function that is imported', (t) => {
  const { bytes, start } = rewrite('(module (import "a" "b" (func $b)) (start $b))');
  let calls = 0;
  instantiate(bytes, { a: { b: () => calls++ } })[start!]();
  t.is(calls, 1);
});

const restores = test.macro({
  title: (_, wat: string, reason?: string) =>
    `rewriteModule() finds ${reason ?? 'nothing against a reset'} in ${wat}`,
  exec(t, wat: string, reason?: string) {
    const { reasons, restorable, bytes } = rewrite(`(module
      (memory 1) (table 4 funcref) (func $f) (elem $passive func $f) (elem $active (i32.const 0) $f)
      (elem $declared declare func $f) (data $d "x") (data $placed (i32.const 0) "y") ${wat})`);
    t.true(WebAssembly.validate(bytes));
    t.is(restorable, reason === undefined);
    t.deepEqual(reasons, reason === undefined ? [] : [reason]);
  },
});

test(restores, '(func i32.const 0 call_indirect)');
test(restores, '(func i32.const 0 ref.null func table.set)', 'its code changes tables');
test(restores, '(func data.drop $placed elem.drop $active elem.drop $declared)');
test(restores, '(func data.drop $d)', 'its code drops passive data segments');
test(restores, '(func elem.drop $passive)', 'its code drops passive element segments');
test(restores, '(func i32.const 0 i32.const 0 i32.const 0 memory.init $d)');
test(restores, '(global v128 (v128.const i32x4 0 0 0 0))');
test(
  restores,
  '(global (mut v128) (v128.const i32x4 0 0 0 0)) (global (mut v128) (v128.const i32x4 0 0 0 0))',
  'it has a mutable global of type v128, which only wasm can read',
);

test('rewriteModule() does not export a mutable exnref, which JavaScript cannot read', (t) => {
  const bytes = fromSections(section(6, [1, 0x69, 1, 0xd0, 0x69, end]));
  t.true(WebAssembly.validate(bytes));
  const { mutableGlobals, reasons } = rewriteModule(bytes, { memoryMaxPages: 16 });
  t.deepEqual(mutableGlobals, []);
  t.deepEqual(reasons, ['it has a mutable global of type exnref, which only wasm can read']);
});

test('rewriteModule() can rewrite what it has rewritten', (t) => {
  const once = rewrite(growing);
  const again = rewriteModule(once.bytes, { memoryMaxPages: 16 });
  const exports = instantiate(again.bytes);
  t.is(exports.grow(20), -1);
  t.is(exports[once.deniedGrowth!].value, 20);
  t.is(exports[again.deniedGrowth!].value, 20);
});
