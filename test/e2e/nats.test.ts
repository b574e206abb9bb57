/** The host on NATS: through its own listener, and as a part of a real NATS system. */
import { join } from 'node:path';
import test from 'ava';
import { connect, headers, type NatsConnection } from 'nats';
import type { CallEvent } from '../../proto/messages.ts';
import { toUserName } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { readBegun } from '../../src/calls/begun-marks.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { callIdOf } from '../call-ids.ts';
import { guests, startTestHost, type TestHost } from './_host.ts';

/** Waits for a call of `echo` that it chains, and says so. */
const chainer = `(module
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "echo\\00chained")
  (func (export "exec") (result i32)
    (call $output (i32.const 21) (i32.const 7))
    (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))))`;

async function client(t: { teardown(close: () => unknown): void }, port: number): Promise<NatsConnection> {
  const connection = await connect({ servers: `nats://127.0.0.1:${port}` });
  t.teardown(() => connection.close());
  return connection;
}

const ways: readonly (readonly [
  way: string,
  start: () => Promise<{ at: TestHost; port: number } & AsyncDisposable>,
])[] = [
  [
    "the host's own listener",
    async () => {
      const at = await startTestHost();
      return { at, port: at.host.natsPort!, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
    },
  ],
  [
    'a nats-server',
    async () => {
      const server = await startNatsServer();
      const at = await startTestHost({ NATS_URL: server.url });
      return {
        at,
        port: server.port,
        async [Symbol.asyncDispose]() {
          await at[Symbol.asyncDispose]();
          await server.stop();
        },
      };
    },
  ],
];

for (const [way, start] of ways) {
  test(`a request to an invoke subject gets the output, over ${way}`, async (t) => {
    await using system = await start();
    await system.at.put('ada/echo', guests.echo);
    const nats = await client(t, system.port);
    const answer = await nats.request('faasm.invoke.ada.echo', 'hello', { timeout: 20_000 });
    t.is(answer.string(), 'hello');
  });

  test(`an unknown function is a service error, over ${way}`, async (t) => {
    await using system = await start();
    const nats = await client(t, system.port);
    const answer = await nats.request('faasm.invoke.ada.nobody', 'hello', { timeout: 20_000 });
    t.is(answer.headers?.get('Nats-Service-Error-Code'), '404');
    t.is(answer.headers?.get('Faasm-Error'), 'not_found');
    t.regex(answer.headers?.get('Nats-Service-Error') ?? '', /ada\/nobody/);
  });

  test(`a time limit is taken from a header, over ${way}`, async (t) => {
    await using system = await start();
    await system.at.put('ada/loop', guests.loop);
    const nats = await client(t, system.port);
    const limit = headers();
    limit.set('Faasm-Timeout', '200ms');
    const answer = await nats.request('faasm.invoke.ada.loop', '', { headers: limit, timeout: 20_000 });
    t.is(answer.headers?.get('Nats-Service-Error-Code'), '504');
  });

  test(`a published call runs, and is told of as an event, over ${way}`, async (t) => {
    await using system = await start();
    await system.at.put('ada/echo', guests.echo);
    const nats = await client(t, system.port);
    const events = nats.subscribe('faasm.event.calls.ada', { max: 1 });
    await nats.flush();
    nats.publish('faasm.invoke.ada.echo', 'hello');
    for await (const event of events) t.like(JSON.parse(event.string()), { user: 'ada', function: 'echo' });
  });

  test(`state is read and written on subjects, over ${way}`, async (t) => {
    await using system = await start();
    const nats = await client(t, system.port);
    await nats.request('faasm.state.set.ada.key', 'value', { timeout: 20_000 });
    t.is((await nats.request('faasm.state.get.ada.key', '', { timeout: 20_000 })).string(), 'value');
    t.is(await (await fetch(`${system.at.url}/s/ada/key`)).text(), 'value');
  });

  test(`actors are listed as NATS services, over ${way}`, async (t) => {
    await using system = await start();
    const nats = await client(t, system.port);
    const services = ['faasm-calls', 'faasm-files', 'faasm-functions', 'faasm-scheduler', 'faasm-state'];
    const all = { strategy: 'count', maxMessages: services.length, maxWait: 20_000 } as const;
    const names: string[] = [];
    for await (const info of await nats.requestMany('$SRV.INFO', '', all)) {
      names.push(info.json<{ name: string }>().name);
    }
    t.deepEqual(names.sort(), services);
  });

  test(`what a client says of chains and attempts changes nothing of its call, over ${way}`, async (t) => {
    await using system = await start();
    const { at } = system;
    await at.put('ada/echo', guests.echo);
    await at.put('ada/chainer', chainer);
    const nats = await client(t, system.port);
    const events = nats.subscribe('faasm.event.calls.ada');
    const forged = headers();
    const id = callIdOf('ada', 'own');
    forged.set('Faasm-Call-Id', id);
    for (const [name, value] of Object.entries({
      'Faasm-Depth': '1000000',
      'Faasm-Tree-Calls': '1000000000',
      'Faasm-Parent-Id': callIdOf('ada', 'parent'),
      'Faasm-Root-Id': callIdOf('ada', 'root'),
      'Faasm-Pointer': `0@${'0'.repeat(64)}`,
      'Faasm-Attempt': '1',
    }))
      forged.set(name, value);
    const answer = await nats.request('faasm.invoke.ada.chainer', '', { headers: forged, timeout: 20_000 });
    t.is(answer.headers?.get('Faasm-Error') || undefined, undefined);
    t.is(answer.string(), 'chained');
    const told: CallEvent[] = [];
    for await (const event of events) {
      for (const line of event.string().split('\n')) told.push(JSON.parse(line) as CallEvent);
      if (told.some((each) => each.id === id)) break;
    }
    t.is(told.find((each) => each.id === id)!.parentId, null);
    t.is((await readBegun(join(at.data, 'begun-calls'))).length, 0);
  });

  test(`a subject that nobody serves has no responders, over ${way}`, async (t) => {
    await using system = await start();
    const nats = await client(t, system.port);
    await t.throwsAsync(nats.request('faasm.nothing', '', { timeout: 20_000 }), { message: /no responders/ });
  });
}

test('two hosts on one NATS system serve one queue', async (t) => {
  await using server = await startNatsServer();
  await using one = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'one' });
  await using two = await startTestHost({ NATS_URL: server.url, FAASM_HOST_NAME: 'two' });
  await one.put('ada/echo', guests.echo);
  await two.put('ada/echo', guests.echo);
  const nats = await client(t, server.port);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, each) =>
      (await nats.request('faasm.invoke.ada.echo', `${each}`, { timeout: 20_000 })).string(),
    ),
  );
  t.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, each) => `${each}`),
  );
  t.is(await (await two.post('ada/echo', 'over HTTP')).text(), 'over HTTP');
});

test('an id that is used again while its cancelled call still runs is refused, and the host goes on', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/loop', guests.loop);
  await at.put('ada/echo', guests.echo);
  const nats = await client(t, at.host.natsPort!);
  const sameId = headers();
  const id = callIdOf('ada', 'same');
  sameId.set('Faasm-Call-Id', id);
  const request = (name: string) =>
    nats.request(`faasm.invoke.ada.${name}`, 'x', { headers: sameId, timeout: 20_000 });
  await nats.request('faasm.invoke.ada.echo', 'warm', { timeout: 20_000 });
  const looping = request('loop');
  let metrics = '';
  while (!/^faasm_calls_active [1-9]/m.test(metrics)) {
    metrics = await (await fetch(`${at.url}/metrics`)).text();
  }
  nats.publish(createPublicSubjects().cancel(toUserName('ada'), id));
  t.is((await looping).headers?.get('Faasm-Error'), 'cancelled');
  // In use until its executor has let go of it.
  let answer = await request('echo');
  while (answer.headers?.get('Faasm-Error') === 'conflict') answer = await request('echo');
  t.is(answer.string(), 'x');
});

test('a host that stops answers its NATS clients before it hangs up, also those whose calls it stops', async (t) => {
  await using at = await startTestHost({ FAASM_DRAIN_TIMEOUT_MS: '500' });
  await at.put('ada/loop', guests.loop);
  const nats = await client(t, at.host.natsPort!);
  const looping = nats.request('faasm.invoke.ada.loop', 'x', { timeout: 60_000 });
  while (at.host.callsUnderWay() === 0) await nats.flush();
  const stopped = at.host.stop();
  t.is((await looping).headers?.get('Faasm-Error'), 'executor_lost');
  await nats.closed();
  await stopped;
});

test('a host that stops answers calls that no executor had come to', async (t) => {
  await using at = await startTestHost({ FAASM_DRAIN_TIMEOUT_MS: '500', FAASM_EXECUTORS_MAX: '1' });
  await at.put('ada/loop', guests.loop);
  await at.put('bob/echo', guests.echo);
  const nats = await client(t, at.host.natsPort!);
  const looping = nats.request('faasm.invoke.ada.loop', 'x', { timeout: 60_000 });
  while (at.host.callsUnderWay() === 0) await nats.flush();
  const waiting = nats.request('faasm.invoke.bob.echo', 'x', { timeout: 60_000 });
  while (at.host.callsUnderWay() === 1) await nats.flush();
  const stopped = at.host.stop();
  t.is((await looping).headers?.get('Faasm-Error'), 'executor_lost');
  t.is((await waiting).headers?.get('Faasm-Error'), 'draining');
  await stopped;
});
