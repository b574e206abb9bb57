/** A host on a NATS system that is away, comes back, or has streams where hosts answer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import test from 'ava';
import { connect } from 'nats';
import { startNatsServer } from '../_servers/nats-server.ts';
import { guests, startTestHost, type TestHost } from './_host.ts';

async function readyz(at: TestHost): Promise<string> {
  const answer = await fetch(`${at.url}/readyz`);
  return answer.ok ? 'ready' : ((await answer.json()) as { detail: string }).detail;
}

async function until(at: TestHost, expected: RegExp): Promise<void> {
  while (!expected.test(await readyz(at))) await new Promise((resolve) => setTimeout(resolve, 50));
}

const metrics = async (at: TestHost): Promise<string> => await (await fetch(`${at.url}/metrics`)).text();

/** Writes 4,000 bytes to standard error. */
const noisy = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "exec") (result i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 4000))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.const 0)))`;

test('a host goes on while NATS is away, says so, drops the news that it cannot tell, and comes back', async (t) => {
  const first = await startNatsServer();
  await using at = await startTestHost({ NATS_URL: first.url });
  await at.put('ada/noisy', noisy);
  t.is(await readyz(at), 'ready');
  t.regex(await metrics(at), /^faasm_component_up\{component="nats"\} 1$/m);
  await first.stop();
  await until(at, /nats/);
  t.regex(await metrics(at), /^faasm_component_up\{component="nats"\} 0$/m);
  // Held, these would be more than is held for a server that is away.
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => at.post('ada/noisy')));
    t.true(answers.every(({ status }) => status === 200));
  }
  const dropped = /^faasm_messages_dropped_total\{kind="event",code="no_capacity"\} (\d+)$/m;
  let counted = 0;
  while (counted === 0) counted = Number(dropped.exec(await metrics(at))?.[1] ?? 0);
  t.regex(await metrics(at), /^faasm_calls_total\{user="ada",function="noisy",code="ok"\} \d+$/m);
  await using _second = await startNatsServer({ port: first.port });
  await until(at, /^ready$/);
  t.is((await at.post('ada/noisy')).status, 200);
});

test('a host that starts waits for NATS, and needs one of several servers', async (t) => {
  const gone = await startNatsServer();
  await gone.stop();
  const error = await t.throwsAsync(startTestHost({ NATS_URL: gone.url, FAASM_NATS_WAIT_MS: '0' }));
  t.regex(error!.message, /Cannot connect to NATS/);
  const starting = startTestHost({ NATS_URL: gone.url, FAASM_NATS_WAIT_MS: '600000' });
  await using _back = await startNatsServer({ port: gone.port });
  await using at = await starting;
  t.is(await readyz(at), 'ready');
  await using other = await startNatsServer();
  const down = await startNatsServer();
  await down.stop();
  const urls = [down.url, other.url].join(',');
  for (let tries = 0; tries < 3; tries++) {
    await using host = await startTestHost({ NATS_URL: urls, FAASM_NATS_WAIT_MS: '0' });
    t.is(await readyz(host), 'ready');
  }
});

test('a stream that would acknowledge calls is refused by its name, at the start and later', async (t) => {
  await using server = await startNatsServer({ jetstream: true });
  const nats = await connect({ servers: server.url });
  t.teardown(() => nats.close());
  const { streams } = await jetstreamManager(nats);
  const taking = { name: 'ORDERS', subjects: ['orders.>', 'faasm.async.>'] };
  await streams.add(taking);
  const error = await t.throwsAsync(startTestHost({ NATS_URL: server.url }));
  t.regex(error!.message, /stream ORDERS takes faasm\.async\.>/);
  await streams.delete('ORDERS');
  await streams.add({ name: 'EVENTS', subjects: ['faasm.event.>', '_INBOX_x.>'] });
  await streams.add({ name: 'SILENT', subjects: ['faasm.invoke.>'], no_ack: true });
  await using at = await startTestHost({ NATS_URL: server.url });
  t.is(await readyz(at), 'ready');
  await streams.add(taking);
  await until(at, /ORDERS/);
  await streams.delete('ORDERS');
  await until(at, /^ready$/);
});

test('hosts with a key believe each other, and no client', async (t) => {
  await using server = await startNatsServer({ config: 'max_payload: 65536' });
  const FAASM_FUNCTIONS = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(FAASM_FUNCTIONS, { recursive: true, force: true }));
  const settings = { NATS_URL: server.url, FAASM_FUNCTIONS, FAASM_CLUSTER_KEY: 'secret' };
  await using one = await startTestHost({ ...settings, FAASM_HOST_NAME: 'one' });
  await using two = await startTestHost({ ...settings, FAASM_HOST_NAME: 'two' });
  await one.put('ada/echo', guests.echo);
  t.is(await (await two.post('ada/echo', 'x'.repeat(100_000))).text(), 'x'.repeat(100_000));
  const hosts = async () =>
    (await (await fetch(`${one.url}/console/data`)).json()) as { hosts: { host: string }[] };
  while ((await hosts()).hosts.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  const nats = await connect({ servers: server.url });
  t.teardown(() => nats.close());
  const told = nats.subscribe('faasm.host.two.status', { max: 1 });
  for await (const { data } of told) {
    const forged = Buffer.from(Buffer.from(data).toString('latin1').replace('\xa3two', '\xa3eve'), 'latin1');
    nats.publish('faasm.host.eve.status', forged);
  }
  const dropped = /^faasm_messages_dropped_total\{kind="host",code="forbidden"\} [1-9]/m;
  while (!dropped.test(await metrics(one)) || !dropped.test(await metrics(two)));
  t.deepEqual((await hosts()).hosts.map(({ host }) => host).sort(), ['one', 'two']);
});
