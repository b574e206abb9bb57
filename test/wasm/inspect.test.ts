import test from 'ava';
import { inspectModule, type ModuleInfo } from '../../src/wasm/inspect.ts';
import { fromSections, fromWat, section } from './fixtures.ts';

const limits = { memoryMaxPages: 256 };

function inspect(wat: string): ModuleInfo {
  return inspectModule(fromWat(wat), limits);
}

test('inspectModule() lists imports with the signatures of functions', (t) => {
  const { imports } = inspect(`(module
    (import "env" "f" (func (param i32 i64 f32 f64) (result i32)))
    (import "env" "m" (memory 1 2))
    (import "env" "t" (table 1 externref))
    (import "env" "g" (global (mut i32)))
    (import "env" "e" (tag (param i32)))
    (import "" "refs" (func (param v128 funcref externref))))`);
  t.deepEqual(imports, [
    { module: 'env', name: 'f', kind: 'function', signature: 'iIfF:i' },
    { module: 'env', name: 'm', kind: 'memory' },
    { module: 'env', name: 't', kind: 'table' },
    { module: 'env', name: 'g', kind: 'global' },
    { module: 'env', name: 'e', kind: 'tag' },
    { module: '', name: 'refs', kind: 'function', signature: 'Vrr:' },
  ]);
});

test('inspectModule() lists exports with the signatures of functions, imported ones too', (t) => {
  const { exports } = inspect(`(module
    (import "env" "f" (func $f (param i32)))
    (func $g (result i64 f64) i64.const 1 f64.const 2)
    (memory (export "memory") 1) (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 1))
    (export "f" (func $f)) (export "\\ef\\bb\\bfg" (func $g)))`);
  t.deepEqual(exports, [
    { name: 'memory', kind: 'memory' },
    { name: 'table', kind: 'table' },
    { name: 'global', kind: 'global' },
    { name: 'f', kind: 'function', signature: 'i:' },
    { name: '\ufeffg', kind: 'function', signature: ':IF' },
  ]);
});

test('inspectModule() describes memories and tables, imported ones first', (t) => {
  const { memories, tables } = inspect(`(module
    (import "env" "m" (memory 1))
    (memory (export "a") (export "b") 2 3)
    (memory 4 5 shared)
    (table 7 funcref) (table (export "t") 8 9 externref))`);
  t.deepEqual(memories, [
    { imported: true, initialPages: 1, shared: false },
    { imported: false, exportName: 'a', initialPages: 2, maximumPages: 3, shared: false },
    { imported: false, initialPages: 4, maximumPages: 5, shared: true },
  ]);
  t.deepEqual(tables, [
    { imported: false, elementType: 'funcref', initialElements: 7 },
    { imported: false, exportName: 't', elementType: 'externref', initialElements: 8, maximumElements: 9 },
  ]);
});

test('inspectModule() finds nothing in a module that does nothing', (t) => {
  t.deepEqual(inspectModule(fromSections(), limits), {
    imports: [],
    exports: [],
    memories: [],
    tables: [],
    hasStart: false,
    writesTables: false,
    usesDataDrop: false,
    usesElemDrop: false,
    usesMemoryInit: false,
    usesMemoryGrow: false,
    usesAtomicWait: false,
    usesSimd: false,
    mutableGlobals: 0,
  });
});

type Fact = { [Key in keyof ModuleInfo]: ModuleInfo[Key] extends boolean ? Key : never }[keyof ModuleInfo];

const facts: readonly Fact[] = [
  'hasStart',
  'writesTables',
  'usesDataDrop',
  'usesElemDrop',
  'usesMemoryInit',
  'usesMemoryGrow',
  'usesAtomicWait',
  'usesSimd',
];

const findsFact = test.macro({
  title: (_, wat: string, wanted: readonly Fact[]) =>
    `inspectModule() finds ${wanted.join() || 'nothing'} in ${wat}`,
  exec(t, wat: string, wanted: readonly Fact[]) {
    const info = inspect(`(module
      (memory 1 1 shared) (table 4 funcref) (func $f) (elem $e func $f) (elem $active (i32.const 0) $f) (data $d "x")
      ${wat})`);
    t.deepEqual(
      facts.filter((fact) => info[fact]),
      wanted,
    );
  },
});

const zeros = 'i32.const 0 i32.const 0 i32.const 0';
test(findsFact, '(start $f)', ['hasStart']);
test(findsFact, '(func i32.const 0 table.get 0 drop table.size 0 drop)', []);
test(findsFact, '(func i32.const 0 ref.null func table.set 0)', ['writesTables']);
test(findsFact, '(func ref.null func i32.const 1 table.grow 0 drop)', ['writesTables']);
test(findsFact, '(func i32.const 0 ref.null func i32.const 1 table.fill 0)', ['writesTables']);
test(findsFact, `(func ${zeros} table.copy)`, ['writesTables']);
test(findsFact, `(func ${zeros} table.init $e)`, ['writesTables']);
test(findsFact, '(func elem.drop $e)', ['usesElemDrop']);
test(findsFact, '(func data.drop $d)', ['usesDataDrop']);
test(findsFact, `(func ${zeros} memory.init $d)`, ['usesMemoryInit']);
test(findsFact, '(func i32.const 0 memory.grow drop)', ['usesMemoryGrow']);
test(findsFact, '(func i32.const 0 i32.const 0 i64.const 0 memory.atomic.wait32 drop)', ['usesAtomicWait']);
test(findsFact, '(func i32.const 0 i64.const 0 i64.const 0 memory.atomic.wait64 drop)', ['usesAtomicWait']);
test(findsFact, '(func i32.const 0 i32.const 0 memory.atomic.notify drop)', []);
test(findsFact, '(func v128.const i32x4 0x40004000 0 0 0 drop)', ['usesSimd']);
test(findsFact, '(func (local v128))', ['usesSimd']);
test(findsFact, '(func (param v128))', ['usesSimd']);
test(findsFact, '(global v128 (v128.const i32x4 0 0 0 0))', ['usesSimd']);
test(findsFact, '(func (block (loop (br_if 0 (i32.const 64)) (br_table 0 1 0 (i32.const 0x0b)))))', []);

test('inspectModule() counts mutable globals, imported ones too', (t) => {
  const info = inspect(`(module (import "a" "b" (global (mut i32))) (import "a" "c" (global i32))
    (global (mut f64) (f64.const 1)) (global i64 (i64.const 1)))`);
  t.is(info.mutableGlobals, 2);
});

test('inspectModule() reads function types in a recursion group', (t) => {
  const bytes = fromSections(
    section(1, [2, 0x4e, 2, 0x60, 1, 0x64, 1, 0, 0x60, 1, 0x7f, 0, 0x60, 0, 1, 0x7e]),
    section(2, [2, 1, 0x61, 1, 0x62, 0, 0, 1, 0x61, 1, 0x63, 0, 2]),
  );
  t.true(WebAssembly.validate(bytes));
  const { imports } = inspectModule(bytes, limits);
  t.deepEqual(
    imports.map(({ signature }) => signature),
    ['r:', ':I'],
  );
});

test('inspectModule() takes bytes that are shared between threads', (t) => {
  const bytes = fromWat('(module (memory (export "memory") 1))');
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  t.is(inspectModule(shared, limits).memories[0]?.exportName, 'memory');
});
