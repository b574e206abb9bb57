/** The `nats` client against the listener. */
import { connect as connectSocket } from 'node:net';
import test from 'ava';
import { connect, type NatsConnection, headers as natsHeaders } from 'nats';
import { startNatsListenerActor } from '../../actors/nats-listener.ts';
import { FaasmError } from '../../proto/errors.ts';
import { createClusterBus } from '../../src/bus/cluster.ts';
import { createMemoryBus, type MemoryBus } from '../../src/bus/memory.ts';
import { connectNatsBus } from '../../src/bus/nats.ts';
import { type BusMessage, Encodable, emptyBody, respond, toBytes } from '../../src/bus/port.ts';
import { registerService } from '../../src/bus/service.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/log.ts';
import {
  type ListenerEvent,
  type NatsListenerOptions,
  startNatsListener,
} from '../../src/nats-listener/server.ts';
import { nodePowers } from '../../src/power/node.ts';
import { startNatsServer } from '../_servers/nats-server.ts';

/** As large a message as a NATS server takes by itself. */
const defaults = { ...loadConfig().natsListener, maxPayloadBytes: 2 ** 20 };

interface Given {
  readonly bus: MemoryBus;
  readonly port: number;
  readonly events: ListenerEvent[];
  /** Of this client; closed with the test. */
  client(options?: Parameters<typeof connect>[0]): Promise<NatsConnection>;
}

const onListener = test.macro({
  title: (name) => name!,
  async exec(
    t,
    run: (t: import('ava').ExecutionContext, given: Given) => Promise<void>,
    options?: Partial<NatsListenerOptions>,
  ) {
    const bus = createMemoryBus({ powers: nodePowers });
    const events: ListenerEvent[] = [];
    const listener = await startNatsListener({
      ...defaults,
      bus,
      host: '127.0.0.1',
      port: 0,
      onEvent: (event) => events.push(event),
      ...options,
    });
    const clients: NatsConnection[] = [];
    try {
      await run(t, {
        bus,
        port: listener.port,
        events,
        async client(settings) {
          const client = await connect({
            servers: `127.0.0.1:${listener.port}`,
            reconnect: false,
            ...settings,
          });
          clients.push(client);
          return client;
        },
      });
    } finally {
      for (const client of clients) await client.close();
      await listener.close();
    }
  },
});

const text = (message: BusMessage): string => Buffer.from(toBytes(message.body)).toString();

test(
  'startNatsListener() tells clients what it is',
  onListener,
  async (t, { client }) => {
    const { info } = await client();
    t.like(info, {
      server_name: 'faasm-test',
      headers: true,
      max_payload: 5000,
      proto: 1,
      client_ip: '127.0.0.1',
    });
    t.is(info!.auth_required, undefined);
    t.is(info!.jetstream, undefined);
    t.regex(info!.server_id, /^N[A-Z2-7]{55}$/);
    t.is((await client()).info!.client_id, info!.client_id + 1);
  },
  { serverName: 'faasm-test', maxPayloadBytes: 5000 },
);

test('a client publishes to the bus and hears it', onListener, async (t, { bus, client }) => {
  const here: BusMessage[] = [];
  bus.subscribe('in.*', (message) => void here.push(message));
  const nats = await client();
  const out = nats.subscribe('out.>', { max: 2 });
  const headers = natsHeaders();
  headers.append('A', '1');
  headers.append('A', '2');
  nats.publish('in.a', 'hello', { headers, reply: 'somewhere' });
  await nats.flush();
  t.is(text(here[0]!), 'hello');
  t.is(here[0]!.reply, 'somewhere');
  t.deepEqual({ ...here[0]!.headers }, { A: ['1', '2'] });

  bus.publish('out.1', Buffer.from('one'), { headers: { B: ['x', 'y'] } });
  bus.publish(
    'out.2.3',
    new Encodable(7, { name: 'n', encode: (value) => Buffer.from(`value ${value}`), decode: () => 0 }),
  );
  const got = await Array.fromAsync(out);
  t.deepEqual(
    got.map((message) => message.string()),
    ['one', 'value 7'],
  );
  t.deepEqual(got[0]!.headers!.values('B'), ['x', 'y']);
});

test('a client requests of the bus, and the bus of a client', onListener, async (t, { bus, client }) => {
  bus.subscribe('up', (message) =>
    respond(bus, message, Buffer.from(text(message).toUpperCase()), { Done: ['yes'] }),
  );
  const nats = await client();
  const answer = await nats.request('up', 'hello');
  t.is(answer.string(), 'HELLO');
  t.is(answer.headers!.get('Done'), 'yes');
  nats.subscribe('down', { callback: (_, message) => void message.respond(message.string().toLowerCase()) });
  await nats.flush();
  t.is(text(await bus.request('down', Buffer.from('HELLO'))), 'hello');
  const many = await Promise.all(Array.from({ length: 500 }, (_, at) => nats.request('up', `n${at}`)));
  t.deepEqual(
    many.map((message) => message.string()),
    Array.from({ length: 500 }, (_, at) => `N${at}`),
  );
});

test('a request that nobody serves fails at once, either way', onListener, async (t, { bus, client }) => {
  const nats = await client();
  const error = await t.throwsAsync(nats.request('nobody', '', { timeout: 60_000 }));
  t.regex(error!.message, /no responders/);
  const noMux = await t.throwsAsync(
    nats.request('nobody', '', { timeout: 60_000, noMux: true, reply: 'r.1' }),
  );
  t.regex(noMux!.message, /no responders/);
  const own = await t.throwsAsync(bus.request('nobody', emptyBody), { instanceOf: FaasmError });
  t.is(own?.code, 'no_responders');
});

test('clients share the work of a queue group with the bus', onListener, async (t, { bus, client }) => {
  const counts = [0, 0, 0];
  bus.subscribe('work', () => void counts[0]!++, { queue: 'q' });
  for (const at of [1, 2]) {
    const nats = await client();
    nats.subscribe('work', { queue: 'q', callback: () => void counts[at]!++ });
    await nats.flush();
  }
  const nats = await client();
  for (let at = 0; at < 300; at++) nats.publish('work', '');
  await nats.flush();
  while (counts.reduce((sum, count) => sum + count) < 300)
    await new Promise((resolve) => setTimeout(resolve, 5));
  t.deepEqual(counts, [100, 100, 100]);
});

test('a payload of 1 MiB goes in and out', onListener, async (t, { bus, client }) => {
  bus.subscribe('echo', (message) => respond(bus, message, message.body));
  const nats = await client();
  const payload = new Uint8Array(1024 * 1024).map((_, at) => at % 251);
  t.true(Buffer.from(payload).equals((await nats.request('echo', payload)).data));
  t.throws(() => nats.publish('echo', new Uint8Array(1024 * 1024 + 1)));
});

test(
  'drain() of a client ends its subscriptions and sends its last words',
  onListener,
  async (t, { bus, client, events }) => {
    const here: string[] = [];
    bus.subscribe('last', (message) => void here.push(text(message)));
    const nats = await client({ name: 'drainer' });
    let heard = 0;
    nats.subscribe('news', { callback: () => void heard++ });
    await nats.flush();
    for (let at = 0; at < 10; at++) bus.publish('news', emptyBody);
    nats.publish('last', 'words');
    await nats.drain();
    t.is(heard, 10);
    t.deepEqual(here, ['words']);
    t.is(bus.interest('news'), 'none');
    while (events.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    t.like(events[1], { kind: 'disconnected', name: 'drainer', why: 'client', address: '127.0.0.1' });
  },
);

test('clients come back to a listener that was started again', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const first = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: 0 });
  const nats = await connect({
    servers: `127.0.0.1:${first.port}`,
    reconnectTimeWait: 20,
    maxReconnectAttempts: -1,
  });
  nats.subscribe('echo', { callback: (_, message) => void message.respond(message.data) });
  await nats.flush();
  const back = (async () => {
    for await (const { type } of nats.status()) if (type === 'reconnect') return;
  })();
  await first.close();
  const second = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: first.port });
  await back;
  await nats.flush();
  t.is(text(await bus.request('echo', Buffer.from('again'))), 'again');
  await nats.close();
  await second.close();
});

test('leave() takes no other clients, and serves those that are there', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const listener = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: 0 });
  const nats = await connect({ servers: `127.0.0.1:${listener.port}`, reconnect: false });
  t.teardown(() => nats.close());
  bus.subscribe('echo', (message) => respond(bus, message, message.body));
  listener.leave();
  await t.throwsAsync(connect({ servers: `127.0.0.1:${listener.port}`, reconnect: false }), {
    message: /refused/i,
  });
  t.is((await nats.request('echo', 'still')).string(), 'still');
  await listener.close();
  await nats.closed();
});

test('close() gives clients what was written and hangs up', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const listener = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: 0 });
  const nats = await connect({ servers: `127.0.0.1:${listener.port}`, reconnect: false });
  const last = nats.subscribe('last');
  await nats.flush();
  bus.publish('last', Buffer.from('words'));
  await listener.close();
  t.deepEqual(
    (await Array.fromAsync(last)).map((message) => message.string()),
    ['words'],
  );
  await nats.closed();
  await t.throwsAsync(connect({ servers: `127.0.0.1:${listener.port}`, reconnect: false }));
});

test('startNatsListener() names a port that is in use', onListener, async (t, { bus, port }) => {
  const error = await t.throwsAsync(startNatsListener({ ...defaults, bus, host: '127.0.0.1', port }), {
    instanceOf: FaasmError,
  });
  t.is(error?.code, 'conflict');
  t.true(error!.message.includes(`127.0.0.1:${port}`), error!.message);
});

test(
  'a client that does not read is cut off, and nobody else',
  onListener,
  async (t, { bus, port, client, events }) => {
    const nats = await client();
    const slow = connectSocket(port, '127.0.0.1');
    slow.on('error', () => {});
    slow.write('CONNECT {"verbose":false,"name":"slow"}\r\nSUB flood 1\r\nPING\r\n');
    await new Promise<void>((resolve) =>
      slow.on('data', (chunk) => void (chunk.includes('PONG') && resolve())),
    );
    slow.pause();
    let rounds = 0;
    while (!events.some(({ why }) => why === 'Slow Consumer')) {
      t.true(++rounds < 1000, 'much was sent, and the client is still there');
      bus.publish('flood', new Uint8Array(1024 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.is(bus.interest('flood'), 'none');
    await nats.flush();
    t.false(nats.isClosed());
    slow.destroy();
  },
  { maxPendingBytes: 4 * 1024 * 1024 },
);

test(
  'a client of a guarded listener may do what it was granted',
  onListener,
  async (t, { bus, client }) => {
    bus.subscribe('ann.hello', (message) => respond(bus, message, Buffer.from('hi')));
    const nats = await client({ user: 'ann', pass: 'secret' });
    t.true(nats.info!.auth_required);
    t.is((await nats.request('ann.hello')).string(), 'hi');
    const wrong = await t.throwsAsync(client({ user: 'ann', pass: 'no' }));
    t.regex(wrong!.message, /Authorization Violation/i);
    const forbidden = await t.throwsAsync(nats.request('bob.hello'));
    t.regex(String(forbidden!.cause ?? forbidden), /permissions violation/i);
  },
  {
    authTimeoutMs: 60_000,
    authorize: ({ user, password }) =>
      user === 'ann' && password === 'secret'
        ? {
            publish: (subject, reply) => subject.startsWith('ann.') && (reply?.startsWith('_INBOX.') ?? true),
          }
        : undefined,
  },
);

test('services on the bus are listed to clients', onListener, async (t, { bus, client }) => {
  for (const id of ['one', 'two']) {
    registerService(bus, {
      clock: nodePowers.clock,
      name: 'faasm-scheduler',
      version: '1.0.0',
      description: '',
      id,
      endpoints: [{ name: 'invoke', subject: 'faasm.invoke.*.*', queue: 'q' }],
    });
  }
  const nats = await client();
  const answers = await nats.requestMany('$SRV.PING', '', {
    maxWait: 10_000,
    maxMessages: 2,
    strategy: 'count',
  });
  const ids = (await Array.fromAsync(answers)).map((message) => message.json<{ id: string }>().id);
  t.deepEqual(ids.sort(), ['one', 'two']);
});

test('clients of two hosts of a cluster hear, serve and miss each other', async (t) => {
  await using server = await startNatsServer();
  const hosts = await Promise.all(
    [1, 2].map(async () => {
      const bus = createClusterBus(
        createMemoryBus({ powers: nodePowers }),
        await connectNatsBus({ url: server.url, noEcho: true }),
        () => false,
        nodePowers,
      );
      const listener = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: 0 });
      const nats = await connect({ servers: `127.0.0.1:${listener.port}`, reconnect: false });
      return { bus, listener, nats };
    }),
  );
  const [one, two] = [hosts[0]!, hosts[1]!];
  two.nats.subscribe('serve', { queue: 'q', callback: (_, message) => void message.respond('from two') });
  await two.nats.flush();
  await two.bus.flush();
  t.is((await one.nats.request('serve', '', { timeout: 10_000 })).string(), 'from two');
  t.is(text(await one.bus.request('serve', emptyBody)), 'from two');
  const nobody = await t.throwsAsync(one.nats.request('nobody', '', { timeout: 60_000 }));
  t.regex(nobody!.message, /no responders/);
  for (const { nats, listener, bus } of hosts) {
    await nats.close();
    await listener.close();
    await bus.close();
  }
});

test('a Faasm host can be the NATS server of another', onListener, async (t, { bus, port }) => {
  const remote = await connectNatsBus({ url: `nats://127.0.0.1:${port}`, noEcho: true });
  const other = createClusterBus(createMemoryBus({ powers: nodePowers }), remote, () => false, nodePowers);
  bus.subscribe('here', (message) => respond(bus, message, Buffer.from('here')), { queue: 'q' });
  other.subscribe('there', (message) => respond(other, message, Buffer.from('there')), { queue: 'q' });
  await other.flush();
  t.is(text(await other.request('here', emptyBody)), 'here');
  t.is(text(await bus.request('there', emptyBody)), 'there');
  const error = await t.throwsAsync(other.request('nobody', emptyBody), { instanceOf: FaasmError });
  t.is(error?.code, 'no_responders');
  await other.close();
});

test('startNatsListenerActor() listens and logs', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const lines: unknown[] = [];
  const write = (fields: unknown, message?: unknown) => void lines.push([fields, message]);
  const log = {
    ...createLog({ level: 'silent' })('test'),
    debug: write,
    info: write,
    warn: write,
    error: write,
  };
  const actor = await startNatsListenerActor({
    bus,
    config: { ...defaults, port: 0, maxPayloadBytes: 1000 },
    log,
  });
  const nats = await connect({ servers: `127.0.0.1:${actor.port}` });
  t.is(nats.info!.max_payload, 1000);
  t.deepEqual(lines[0], [{ host: '127.0.0.1', port: actor.port }, 'listening for NATS clients']);
  await nats.close();
  await actor.close();
});
