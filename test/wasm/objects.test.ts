/** That a module with structs and arrays runs as before, and that what it makes is bounded, is for the engine to show. */
import '../../actors/v8-flags.ts';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { encodeArrayNewFunction } from '../../src/wasm/objects.ts';
import { rewriteModule } from '../../src/wasm/rewrite.ts';
import { scanModule } from '../../src/wasm/scan.ts';
import { instantiate } from './fixtures.ts';
import { fromObjectWat, greedyModule } from './object-modules.ts';

const rewrite = (wat: string) => rewriteModule(fromObjectWat(wat), { memoryMaxPages: 8192 });
const run = (wat: string) => instantiate(rewrite(wat).bytes);

test('rewriteModule() leaves what code with structs, arrays, casts and references does', (t) => {
  const { exec } = run(`(module
    (rec (type $shape (sub (struct (field $sides (mut i32)))))
         (type $named (sub final $shape (struct (field (mut i32)) (field (mut i16)) (field (ref null $shape)))))
         (type $bytes (array (mut i8))) (type $any (array (mut anyref))))
    (type $binary (func (param i32 i32) (result i32)))
    (data $text "abc") (elem $shapes anyref (item (ref.i31 (i32.const 5))) (item (ref.i31 (i32.const 6))))
    (global $origin (ref $shape) (struct.new $shape (i32.const 100)))
    (table $t 2 anyref)
    (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
    (elem declare func $add)
    (func $sides (param $x anyref) (result i32)
      (block $no (result anyref)
        (return (struct.get $shape 0 (br_on_cast_fail $no anyref (ref $shape) (local.get $x)))))
      (drop) (i32.const -1))
    (func $through (param (ref $binary)) (result i32)
      (return_call_ref $binary (i32.const 1) (i32.const 2) (local.get 0)))
    (func (export "exec") (result i32) (local $a (ref $bytes)) (local $n i32)
      (local.set $n (i32.const 3))
      (local.set $a (array.new_data $bytes $text (i32.const 0) (local.get $n)))
      (array.fill $bytes (local.get $a) (i32.const 0) (i32.const 1) (i32.const 1))
      (array.copy $bytes $bytes (local.get $a) (i32.const 2) (local.get $a) (i32.const 0) (i32.const 1))
      (table.set $t (i32.const 0) (struct.new $named (i32.const 4) (i32.const 7) (global.get $origin)))
      (i32.add (call $sides (table.get $t (i32.const 0)))
        (i32.add (call $sides (ref.i31 (i32.const 1)))
          (i32.add (array.get_u $bytes (local.get $a) (i32.const 2))
            (i32.add (i31.get_s (ref.cast (ref i31)
                (array.get $any (array.new_elem $any $shapes (i32.const 0) (i32.const 2)) (i32.const 1))))
              (i32.add (call $through (ref.func $add))
                (ref.eq (global.get $origin) (global.get $origin)))))))))`);
  t.is(exec(), 4 - 1 + 1 + 6 + 3 + 1);
});

const bounds = test.macro({
  title: (_, element: string) => `rewriteModule() bounds the length of an array of ${element}`,
  exec(t, element: string, lengthMax: number) {
    const value: Record<string, string> = {
      v128: '(v128.const i64x2 0 0)',
      anyref: '(ref.null any)',
      i64: '(i64.const 0)',
    };
    const made = run(`(module (type $a (array (mut ${element})))
      (func (export "filled") (param i32) (result i32)
        (array.len (array.new $a ${value[element] ?? '(i32.const 0)'} (local.get 0))))
      (func (export "empty") (param i32) (result i32) (array.len (array.new_default $a (local.get 0)))))`);
    for (const make of [made.filled, made.empty]) {
      for (const length of [0, 1, 5000, lengthMax]) t.is(make(length), length);
      for (const length of [lengthMax + 1, 2 ** 30, -1]) {
        t.throws(() => make(length), { instanceOf: WebAssembly.RuntimeError, message: /array.*large/ });
      }
    }
  },
});
test(bounds, 'i8', 2 ** 23);
test(bounds, 'i16', 2 ** 22);
test(bounds, 'i32', 2 ** 21);
test(bounds, 'i64', 2 ** 20);
test(bounds, 'anyref', 2 ** 20);
test(bounds, 'v128', 2 ** 19);

test('rewriteModule() bounds the length of an array that is made of a segment', (t) => {
  const made =
    run(`(module (type $a (array (mut i8))) (type $f (array (mut funcref))) (data $d "ab") (elem $e func)
    (func (export "data") (param i32) (result i32) (array.len (array.new_data $a $d (i32.const 0) (local.get 0))))
    (func (export "elements") (param i32) (result i32) (array.len (array.new_elem $f $e (i32.const 0) (local.get 0)))))`);
  t.is(made.data(2), 2);
  t.is(made.elements(0), 0);
  for (const make of [made.data, made.elements]) t.throws(() => make(2 ** 24), { message: /array.*large/ });
});

test('rewriteModule() adds nothing before an array of few elements that are counted in the code', (t) => {
  const made = (length: number) =>
    scanModule(
      fromObjectWat(`(module (type $a (array (mut i32)))
        (func (export "exec") (result i32) (array.len (array.new_default $a (i32.const ${length})))))`),
    ).code.changedBodies.flatMap(({ sites }) => sites.map(({ change }) => change));
  t.deepEqual(made(1000), []);
  t.deepEqual(made(1_000_000), ['arrayNew']);
});

test('rewriteModule() has a row of objects be interrupted every 64 KiB', (t) => {
  const sites = (code: string) =>
    scanModule(
      fromObjectWat(`(module (type $s (struct ${'(field v128)'.repeat(1000)})) (type $a (array (mut i8)))
        (func (export "exec") (param i32) ${code}))`),
    ).code.changedBodies.flatMap((body) => body.sites.map(({ change }) => change));
  t.deepEqual(sites('(drop (struct.new_default $s))'.repeat(4)), []);
  t.deepEqual(sites('(drop (struct.new_default $s))'.repeat(9)), ['look', 'look']);
  const short = '(drop (array.new_default $a (local.get 0)))'.repeat(20);
  t.is(sites(short).filter((change) => change === 'look').length, 1);
});

test('rewriteModule() says that objects cannot be put back', (t) => {
  const { restorable, reasons } = rewrite(
    '(module (type $s (struct (field (mut i32)))) (global $g (ref $s) (struct.new_default $s)) (func (export "exec")))',
  );
  t.false(restorable);
  t.deepEqual(reasons, ['it has garbage-collected objects']);
});

test('encodeArrayNewFunction() gives a body with its size before it', (t) => {
  for (const elementBytes of [1, 2, 4, 8, 16]) {
    const [size, ...body] = encodeArrayNewFunction(7, elementBytes);
    t.is(size, body.length);
  }
});

const guest = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(workerData)).exports;
  parentPort.postMessage('in');
  run();
  parentPort.postMessage('out');`;

test('worker.terminate() ends a row of large fillings of an array', async (t) => {
  const fill = '(array.fill $longs (local.get 0) (i32.const 0) (i64.const 1) (i32.const 1048576))';
  const module = greedyModule(
    `(local (ref null $longs)) (local.set 0 (array.new_default $longs (i32.const 1048576))) ${fill.repeat(20_000)}`,
    'run',
  );
  const { bytes } = rewriteModule(module, { memoryMaxPages: 8192 });
  const worker = new Worker(guest, { eval: true, workerData: bytes });
  await once(worker, 'message');
  t.is(await worker.terminate(), 1);
});

test('a row of large arrays ends with the thread that makes it, before it is through', async (t) => {
  const row = '(call $keep (array.new_default $bytes (i32.const 8000000)))'.repeat(300);
  const { bytes } = rewriteModule(greedyModule(row, 'run'), { memoryMaxPages: 8192 });
  const worker = new Worker(guest, {
    eval: true,
    workerData: bytes,
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  const heard: unknown[] = [];
  worker.on('message', (message) => heard.push(message));
  const [error] = (await once(worker, 'error')) as [NodeJS.ErrnoException];
  t.is(error.code, 'ERR_WORKER_OUT_OF_MEMORY');
  t.deepEqual(heard, ['in']);
});
