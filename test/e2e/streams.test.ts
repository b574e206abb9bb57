/** Large inputs and outputs on every way, and where they end. */
import test from 'ava';
import { connect } from 'nats';
import { createRandom } from '../random.ts';
import { startTestHost } from './_host.ts';

/** Reads and writes so much at a time: more than the smallest buffers, and no divisor of what is sent. */
const pieceBytes = 10_007;
const cat = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (loop $next
      (i32.store (i32.const 4) (i32.const ${pieceBytes}))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (br_if $next (i32.load (i32.const 8))))))`;

/** Gives all that \`cat\` gives for its own input. */
const parent = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call_output" (func $await (param i32 i32 i32) (result i32)))
  (memory (export "memory") 200) (data (i32.const 8) "cat\\00")
  (func (export "malloc") (param i32) (result i32) (i32.const 6553600))
  (func (export "exec") (result i32) (local $failed i32)
    (local.set $failed (call $await
      (call $chain (i32.const 8) (i32.const 65536) (call $input (i32.const 65536) (i32.const 6000000)))
      (i32.const 16) (i32.const 20)))
    (call $output (i32.load (i32.const 16)) (i32.load (i32.const 20)))
    (local.get $failed)))`;

const random = createRandom(5);
const large = Uint8Array.from({ length: 5 * 1024 * 1024 + 3 }, () => random.below(256));

test.serial('an input and an output of some MiB arrive as they are', async (t) => {
  await using at = await startTestHost({ FAASM_INPUT_MAX_BYTES: String(large.length) });
  await at.put('ada/cat', cat);
  await at.put('ada/parent', parent);
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
  t.true((await bytesOf(await at.post('ada/cat', large))).equals(large), 'with its length');
  const pieces = new Blob([large]).stream();
  const chunked = await fetch(`${at.url}/f/ada/cat`, {
    method: 'POST',
    body: pieces,
    duplex: 'half',
  } as RequestInit);
  t.true((await bytesOf(chunked)).equals(large), 'in chunks');
  t.true((await bytesOf(await at.post('ada/parent', large))).equals(large), 'of a chained call');

  const id = await (await at.post('ada/cat', large, { Prefer: 'respond-async' })).text();
  let output: Response;
  do output = await fetch(`${at.url}/calls/${id}/output`);
  while (output.status === 409);
  t.true((await bytesOf(output)).equals(large), 'of an asynchronous call');

  const client = await connect({ port: at.host.natsPort! });
  const answer = await client.request('faasm.invoke.ada.cat', large, { timeout: 20_000 });
  t.true(Buffer.from(answer.data).equals(large), 'over NATS');
  await client.close();
});

test.serial('an output that never ends is stopped at its limit', async (t) => {
  await using at = await startTestHost({ FAASM_OUTPUT_MAX_BYTES: '3000000' });
  await at.put(
    'ada/f',
    `(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 2)
      (func (export "_start")
        (i32.store (i32.const 4) (i32.const 5000))
        (loop $next
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
          (br $next))))`,
  );
  const response = await at.post('ada/f');
  t.is(response.status, 500);
  const problem = (await response.json()) as { code: string; fault: string; detail: string };
  t.is(problem.code, 'guest_faulted');
  t.is(problem.fault, 'too_large');
  t.regex(problem.detail, /larger than 3000000 bytes; raise FAASM_OUTPUT_MAX_BYTES/);
});

test.serial(
  'a function that fills its file system gets ENOSPC, and the next one has all of it',
  async (t) => {
    await using at = await startTestHost({ FAASM_FILES_MAX_BYTES: '3000000' });
    await at.put(
      'ada/f',
      `(module
      (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "env" "__faasm_write_output" (func $output (param i32 i32)))
      (memory (export "memory") 2) (data (i32.const 64) "tmp/f")
      (func (export "exec") (result i32)
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 5000))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 1)
              (i64.const 0x40) (i64.const 0) (i32.const 0) (i32.const 8))
          (then (return (i32.const 1))))
        (loop $next
          (i32.store (i32.const 16) (call $write (i32.load (i32.const 8)) (i32.const 0) (i32.const 1) (i32.const 12)))
          (if (i32.eqz (i32.load (i32.const 16)))
            (then
              (i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.load (i32.const 12))))
              (br $next))))
        (call $output (i32.const 16) (i32.const 8))
        (i32.const 0)))`,
    );
    for (let call = 0; call < 2; call++) {
      const told = Buffer.from(await (await at.post('ada/f')).arrayBuffer());
      t.deepEqual([told.readInt32LE(0), told.readInt32LE(4)], [51, 3_000_000]);
    }
  },
);
