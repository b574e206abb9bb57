/** The host on NATS: through its own listener, and as a part of a real NATS system. */
import test from 'ava';
import { connect, headers, type NatsConnection } from 'nats';
import { toUserName } from '../../proto/names.ts';
import { createSubjects } from '../../proto/subjects.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { callIdOf } from '../call-ids.ts';
import { guests, startTestHost, type TestHost } from './_host.ts';

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
    const events = nats.subscribe('faasm.event.calls', { max: 1 });
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
    const services = [
      'faasm-calls',
      'faasm-files',
      'faasm-functions',
      'faasm-objects',
      'faasm-scheduler',
      'faasm-state',
    ];
    const all = { strategy: 'count', maxMessages: services.length, maxWait: 20_000 } as const;
    const names: string[] = [];
    for await (const info of await nats.requestMany('$SRV.INFO', '', all)) {
      names.push(info.json<{ name: string }>().name);
    }
    t.deepEqual(names.sort(), services);
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
  nats.publish(createSubjects().cancel(toUserName('ada'), id));
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
