/** That a rewritten module can be ended whatever it does is for the engine to show. */
import '../../actors/v8-flags.ts';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { rewriteModule } from '../../src/wasm/rewrite.ts';
import { type Exports, fromWat, instantiate } from './fixtures.ts';

const guest = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(workerData)).exports;
  parentPort.postMessage('in');
  run();`;
const rewrite = (wat: string) => rewriteModule(fromWat(wat), { memoryMaxPages: 8192 }).bytes;

const ends = test.macro({
  title: (about = '') => `worker.terminate() ends ${about}`,
  async exec(t, wat: string) {
    const worker = new Worker(guest, { eval: true, workerData: rewrite(wat) });
    await once(worker, 'message');
    t.is(await worker.terminate(), 1);
  },
});

const run = '(func (export "run") (call $r))';
test('a tail call of itself', ends, `(module (func $r (return_call $r)) ${run})`);
test(
  'tail calls of each other',
  ends,
  `(module (func $a (return_call $r)) (func $r (return_call $a)) ${run})`,
);
test(
  'a tail call beside a loop that never goes round',
  ends,
  `(module (func $r (loop $l (br_if $l (i32.const 0))) (return_call $r)) ${run})`,
);
test(
  'a tail call through a reference',
  ends,
  `(module (type $v (func)) (table 1 funcref) (elem (i32.const 0) $r)
    (func $r (return_call_indirect (type $v) (i32.const 0))) ${run})`,
);
test(
  'a row of large fillings',
  ends,
  `(module (memory 8192)
    (func $r (param $n i32) ${'(memory.fill (i32.const 0) (i32.const 1) (local.get $n))'.repeat(5000)})
    (func (export "run") (call $r (i32.const 0x1fff0000))))`,
);
test(
  'a row of large fillings, of a length that is known',
  ends,
  `(module (memory 8192)
    (func $r ${'(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1fff0000))'.repeat(5000)}) ${run})`,
);
test(
  'a row of fillings of a table',
  ends,
  `(module (table $t 100000 externref)
    (func $r ${'(table.fill $t (i32.const 0) (ref.null extern) (i32.const 100000))'.repeat(20_000)}) ${run})`,
);

test('rewriteModule() leaves short copies of a known length alone', (t) => {
  const copy = (length: string) =>
    fromWat(`(module (memory 1) (func (param i32) (memory.copy (i32.const 0) (i32.const 8) ${length})))`);
  const grown = (bytes: Uint8Array<ArrayBuffer>) =>
    rewriteModule(bytes, { memoryMaxPages: 16 }).deniedGrowth !== undefined;
  t.false(grown(copy('(i32.const 64)')));
  t.true(grown(copy('(i32.const 65536)')));
  t.true(grown(copy('(i32.const -1)')));
  t.true(grown(copy('(local.get 0)')));
});

test('rewriteModule() changes nothing of what tail calls and copies do', (t) => {
  const exports: Exports = instantiate(
    rewrite(`(module (memory (export "memory") 4)
      (func $down (export "down") (param i32 i64) (result i64)
        (if (result i64) (local.get 0)
          (then (return_call $down (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 2))))
          (else (local.get 1))))
      (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
      (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2))))`),
  );
  t.is(exports.down(100_000, 1n), 200_001n);
  exports.fill(10, 7, 100_000);
  exports.copy(200_000, 9, 3);
  const bytes = new Uint8Array(exports.memory.buffer);
  t.deepEqual([...bytes.subarray(8, 12)], [0, 0, 7, 7]);
  t.deepEqual([...bytes.subarray(200_000, 200_004)], [0, 7, 7, 0]);
  t.is(bytes[100_009], 7);
  t.is(bytes[100_010], 0);
  t.throws(() => exports.fill(200_000, 1, 100_000), { instanceOf: WebAssembly.RuntimeError });
});
