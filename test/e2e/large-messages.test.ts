/** Inputs and outputs that are larger than the NATS server takes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { connect } from 'nats';
import { startNatsServer } from '../_servers/nats-server.ts';
import { startTestHost, type TestHost } from './_host.ts';

/** Puts its input out, up to 8 MiB of it. */
const echo = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 130)
  (func (export "exec") (result i32)
    (call $output (i32.const 0) (call $input (i32.const 0) (i32.const 8388608)))
    (i32.const 0)))`;

/** Chains "size" with 300,000 bytes, and returns what that returns. */
const chains = `(module
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (memory (export "memory") 10)
  (data (i32.const 0) "size\\00")
  (func (export "exec") (result i32)
    (call $await (call $chain (i32.const 0) (i32.const 16) (i32.const 300000)))))`;

/** Fails if its input has not 1 or 300,000 bytes. */
const size = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (memory (export "memory") 10)
  (func (export "exec") (result i32)
    (local $size i32)
    (local.set $size (call $input (i32.const 16) (i32.const 600000)))
    (i32.and (i32.ne (local.get $size) (i32.const 300000)) (i32.ne (local.get $size) (i32.const 1)))))`;

async function ranAt(at: TestHost, name: string): Promise<number> {
  const metrics = await (await fetch(`${at.url}/metrics`)).text();
  return Number(
    new RegExp(`^faasm_calls_total\\{.*function="${name}",code="ok"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0,
  );
}

/** Until a call that comes to one host runs on the other, where that is soon: else calls run where they come. */
async function placedElsewhere(from: TestHost, to: TestHost, name: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const before = await ranAt(to, name.split('/')[1]!);
    await from.post(name, 'x');
    await new Promise((resolve) => setTimeout(resolve, 100));
    if ((await ranAt(to, name.split('/')[1]!)) > before) return;
  }
}

test('what is larger than max_payload goes to the host that is warm and comes back, or runs where it came', async (t) => {
  await using server = await startNatsServer({ config: 'max_payload: 65536' });
  const FAASM_FUNCTIONS = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(FAASM_FUNCTIONS, { recursive: true, force: true }));
  await using b = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'b', FAASM_FUNCTIONS });
  await using a = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'a', FAASM_FUNCTIONS });
  await b.put('ada/echo', echo);
  while ((await b.post('ada/echo', 'x')).status !== 200);
  await placedElsewhere(a, b, 'ada/echo');
  for (const bytes of [60_000, 65_536, 900_000, 5_000_000]) {
    const body = new Uint8Array(bytes).map((_, at) => (at * 31) % 251);
    const answer = await a.post('ada/echo', body);
    t.is(answer.status, 200);
    t.true(Buffer.from(await answer.arrayBuffer()).equals(body), `${bytes} bytes`);
  }
  const nats = await connect({ servers: server.url });
  t.teardown(() => nats.close());
  t.is((await nats.request('faasm.invoke.ada.echo', 'small', { timeout: 20_000 })).string(), 'small');
  await a.put(
    'ada/large',
    `(module (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 2) (func (export "exec") (result i32) (call $output (i32.const 0) (i32.const 65537)) (i32.const 0)))`,
  );
  const refused = await nats.request('faasm.invoke.ada.large', '', { timeout: 20_000 });
  t.is(refused.headers?.get('Faasm-Error'), 'too_large');
  t.is((await a.post('ada/large')).status, 200);
  t.is((await b.post('ada/echo', 'still here')).status, 200);
});

test('a chained input that is larger than max_payload arrives whole at another host', async (t) => {
  await using server = await startNatsServer({ config: 'max_payload: 65536' });
  const FAASM_FUNCTIONS = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(FAASM_FUNCTIONS, { recursive: true, force: true }));
  await using b = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'b', FAASM_FUNCTIONS });
  await using a = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'a', FAASM_FUNCTIONS });
  await b.put('ada/size', size);
  await a.put('ada/chains', chains);
  while ((await b.post('ada/size', 'x')).status !== 200);
  await placedElsewhere(a, b, 'ada/size');
  const answer = await a.post('ada/chains');
  t.is(answer.status, 200, answer.ok ? '' : await answer.text());
});
