/** Calls with an idempotency key run once. */
import test from 'ava';
import { startTestHost } from './_host.ts';

/** Each run gives other bytes; where the input begins with a 1, it fails with them. */
const random = `(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "exec") (result i32)
    (drop (call $random (i32.const 0) (i32.const 32)))
    (call $output (i32.const 0) (i32.const 32))
    (drop (call $input (i32.const 64) (i32.const 1)))
    (i32.eq (i32.load8_u (i32.const 64)) (i32.const 49))))`;

test('POST /f/ with an Idempotency-Key runs once, and its answer is repeated', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', random);
  await at.put('bob/f', random);
  const post = async (name: string, key: string, body = '', more = {}) => {
    const answer = await at.post(name, body, { 'Idempotency-Key': key, ...more });
    const bytes = Buffer.from(await answer.arrayBuffer()).toString('hex');
    return { status: answer.status, bytes, call: answer.headers.get('faasm-call-id') };
  };
  const together = await Promise.all([post('ada/f', 'k'), post('ada/f', 'k'), post('ada/f', 'k')]);
  const [first] = together;
  t.is(first!.status, 200);
  for (const each of [...together, await post('ada/f', 'k')]) t.deepEqual(each, first);

  t.not((await post('ada/f', 'other')).bytes, first!.bytes);
  t.not((await post('bob/f', 'k')).bytes, first!.bytes);
  t.is((await post('ada/f', 'k', 'another body')).status, 422);
  t.is((await post('ada/f', 'k', '', { 'X-Faasm-Arg': 'x' })).status, 422);
  t.is((await post('ada/f', 'a b')).status, 400);

  const failed = await post('ada/f', 'fails', '1');
  t.is(failed.status, 500);
  t.is((await post('ada/f', 'fails', '1')).status, 500);
});

test('POST /fa/ with the key of another body is 422, also when the first has ended', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', random);
  const submit = (body: string) =>
    fetch(`${at.url}/fa/ada/f`, { method: 'POST', body, headers: { 'Idempotency-Key': 'k' } });
  const first = await (await submit('one')).text();
  t.is(await (await submit('one')).text(), first);
  t.is((await submit('two')).status, 422);
  await at.restart();
  t.is(await (await submit('one')).text(), first);
  t.like(await (await submit('two')).json(), { code: 'idempotency_key_reused' });
});

test('a call with a key whose function is not there runs once it is', async (t) => {
  await using at = await startTestHost();
  const headers = { 'Idempotency-Key': 'early' };
  t.is((await at.post('ada/f', '', headers)).status, 404);
  await at.put('ada/f', random);
  t.is((await at.post('ada/f', '', headers)).status, 200);
});
