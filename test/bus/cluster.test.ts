import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { createClusterBus } from '../../src/bus/cluster.ts';
import { fromErrorHeaders } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { connectNatsBus } from '../../src/bus/nats.ts';
import { type BusMessage, Encodable, emptyBody, type HostBus, respond, toBytes } from '../../src/bus/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import { busContract } from '../_contracts/bus.ts';
import { type NatsServer, startNatsServer } from '../_servers/nats-server.ts';

let server: NatsServer;
test.before(async () => {
  server = await startNatsServer();
});
test.after.always(() => server.stop());

/** One after the other: they share the server and its subjects. */
const serial = test.serial as typeof test;

const isControl = (subject: string): boolean => subject.startsWith('control.');

async function openHost(errors: unknown[] = [], url = server.url): Promise<HostBus> {
  const remote = await connectNatsBus({ url, noEcho: true });
  const local = createMemoryBus({
    powers: nodePowers,
    maxPayloadBytes: remote.maxPayloadBytes,
    onError: (error) => errors.push(error),
  });
  return createClusterBus(local, remote, isControl, nodePowers);
}

busContract(serial, 'cluster, one host', 'one bus', async () => {
  const errors: unknown[] = [];
  const bus = await openHost(errors);
  return { bus, other: bus, errors, close: () => bus.close() };
});

busContract(serial, 'cluster, two hosts', 'two buses', async () => {
  const errors: unknown[] = [];
  const [bus, other] = [await openHost(), await openHost(errors)];
  const close = async () => {
    await bus.close();
    await other.close();
  };
  return { bus, other, errors, close };
});

interface Cluster {
  readonly one: HostBus;
  readonly two: HostBus;
  /** What either host heard, as `<host> <label>: <body>`. */
  readonly heard: string[];
  hear(
    host: 'one' | 'two',
    subject: string,
    options?: { queue?: string; origin?: object; label?: string },
  ): void;
  /** Until all that was published and subscribed has arrived. */
  settle(): Promise<void>;
}

async function onCluster(run: (cluster: Cluster) => Promise<void>): Promise<void> {
  const one = await openHost();
  const two = await openHost();
  const hosts = { one, two };
  const heard: string[] = [];
  const cluster: Cluster = {
    one,
    two,
    heard,
    hear(host, subject, { label, ...options } = {}) {
      const bus = hosts[host];
      bus.subscribe(
        subject,
        (message) => {
          heard.push(`${host}${label ? ` ${label}` : ''}: ${text(message)}`);
          respond(bus, message, Buffer.from(host));
        },
        options,
      );
    },
    async settle() {
      for (let round = 0; round < 3; round++) {
        await one.flush();
        await two.flush();
      }
    },
  };
  try {
    await run(cluster);
  } finally {
    await one.close();
    await two.close();
  }
}

const text = (message: BusMessage): string => Buffer.from(toBytes(message.body)).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);

serial('createClusterBus() keeps work here where a queue group member is here', async (t) => {
  await onCluster(async ({ one, hear, heard, settle }) => {
    hear('one', 'work', { queue: 'q' });
    hear('two', 'work', { queue: 'q' });
    hear('two', 'work', { label: 'plain' });
    await settle();
    for (let at = 0; at < 20; at++) one.publish('work', bytes(String(at)));
    await settle();
    t.deepEqual(
      heard,
      Array.from({ length: 20 }, (_, at) => `one: ${at}`),
    );
    t.is(text(await one.request('work', bytes('ask'))), 'one');
  });
});

serial('createClusterBus() sends work to another host where no member is here', async (t) => {
  await onCluster(async ({ one, hear, heard, settle }) => {
    hear('two', 'work', { queue: 'q' });
    hear('two', 'work', { queue: 'q' });
    await settle();
    for (let at = 0; at < 20; at++) one.publish('work', bytes(String(at)));
    await settle();
    t.deepEqual(
      heard,
      Array.from({ length: 20 }, (_, at) => `two: ${at}`),
    );
    t.is(text(await one.request('work', bytes('ask'))), 'two');
  });
});

serial('leave() sends the work of others to others, and keeps the work of this host', async (t) => {
  await onCluster(async ({ one, two, hear, heard, settle }) => {
    const three = await openHost();
    hear('one', 'work', { queue: 'q' });
    hear('two', 'work', { queue: 'q' });
    hear('one', 'news');
    await settle();
    const answers = Array.from({ length: 200 }, () => three.request('work', emptyBody));
    await three.flush();
    await one.leave();
    const early = (await Promise.all(answers)).map(text);
    t.true(early.includes('one') && early.includes('two'), 'what was on its way is answered');
    heard.length = 0;
    const later = await Promise.all(Array.from({ length: 50 }, () => three.request('work', emptyBody)));
    t.deepEqual([...new Set(later.map(text))], ['two']);
    t.is(text(await one.request('work', emptyBody)), 'one');
    t.is(text(await two.request('work', emptyBody)), 'two');
    t.is(text(await three.request('news', emptyBody)), 'one');
    await three.close();
  });
});

serial('createClusterBus() lets plain subscriptions everywhere hear once what nobody takes', async (t) => {
  await onCluster(async ({ one, two, hear, heard, settle }) => {
    hear('one', 'news.*', { label: 'a' });
    hear('one', 'news.*', { label: 'b' });
    hear('two', 'news.*', { label: 'a' });
    hear('two', 'news.*', { label: 'b' });
    await settle();
    one.publish('news.x', bytes('1'));
    two.publish('news.x', bytes('2'));
    await settle();
    const expected = ['1', '2'].flatMap((n) =>
      ['one a', 'one b', 'two a', 'two b'].map((who) => `${who}: ${n}`),
    );
    t.deepEqual(heard.sort(), expected.sort());
  });
});

serial('createClusterBus() hears its own messages once, where patterns overlap once for each', async (t) => {
  await onCluster(async ({ one, two, hear, heard, settle }) => {
    hear('one', 'x.>', { label: 'rest' });
    hear('one', 'x.y', { label: 'exact' });
    await settle();
    one.publish('x.y', bytes('own'));
    two.publish('x.y', bytes('other'));
    await settle();
    t.deepEqual(heard.sort(), ['one exact: other', 'one exact: own', 'one rest: other', 'one rest: own']);
  });
});

serial('createClusterBus() gives a queue group one copy, whatever hosts its members are on', async (t) => {
  await onCluster(async ({ one, two, hear, heard, settle }) => {
    const three = await openHost();
    hear('one', 'work', { queue: 'q' });
    hear('two', 'work', { queue: 'q' });
    await settle();
    for (let at = 0; at < 60; at++) three.publish('work', bytes(String(at)));
    await three.flush();
    await settle();
    t.is(heard.length, 60);
    t.is(new Set(heard.map((line) => line.split(': ')[1])).size, 60);
    t.true(heard.some((line) => line.startsWith('one')) && heard.some((line) => line.startsWith('two')));
    await three.close();
    t.is(two.maxPayloadBytes, one.maxPayloadBytes);
  });
});

serial(
  'createClusterBus() gets the answer of a plain subscriber here although NATS has no responders',
  async (t) => {
    await onCluster(async ({ one, hear, settle }) => {
      const seen: string[] = [];
      one.subscribe('slow', async (message) => {
        await settle();
        respond(one, message, bytes('here'));
      });
      one.subscribe(
        '_INBOX.mine.*',
        (message) => void seen.push(`${message.headers?.Status} ${text(message)}`),
      );
      hear('one', 'unrelated');
      await settle();
      t.is(text(await one.request('slow', emptyBody)), 'here');
      one.publish('slow', emptyBody, { reply: '_INBOX.mine.1' });
      while (seen.length === 0) await settle();
      t.deepEqual(seen, ['undefined here']);
    });
  },
);

serial('createClusterBus() gets an answer from either host for a plain request that both hear', async (t) => {
  await onCluster(async ({ one, hear, settle }) => {
    const answers: string[] = [];
    one.subscribe('_INBOX.all.*', (message) => void answers.push(text(message)));
    hear('one', 'who');
    hear('two', 'who');
    await settle();
    one.publish('who', emptyBody, { reply: '_INBOX.all.1' });
    while (answers.length < 2) await settle();
    t.deepEqual(answers.sort(), ['one', 'two']);
  });
});

serial('createClusterBus() sends an answer that somebody here only listens in to', async (t) => {
  await onCluster(async ({ one, two, settle }) => {
    const overheard: string[] = [];
    two.subscribe('ask', (message) => respond(two, message, bytes('answer')), { queue: 'q' });
    two.subscribe('>', (message) => void overheard.push(text(message)));
    two.subscribe('>', () => {}, { queue: 'greedy' });
    await settle();
    t.is(text(await one.request('ask', bytes('question'))), 'answer');
    await settle();
    t.true(overheard.includes('answer'));
  });
});

serial('createClusterBus() makes bytes only for another host', async (t) => {
  await onCluster(async ({ one, two, settle }) => {
    let encoded = 0;
    const codec = {
      name: 'word',
      encode(value: string) {
        encoded++;
        return bytes(value);
      },
      decode: () => t.fail('nobody decodes') as never,
    };
    const got: unknown[] = [];
    one.subscribe('here', ({ body }) => void got.push(body), { queue: 'q' });
    two.subscribe('there', ({ body }) => void got.push(body), { queue: 'q' });
    await settle();
    const body = new Encodable('x', codec);
    one.publish('here', body);
    t.is(got[0], body);
    t.is(encoded, 0);
    one.publish('there', body);
    await settle();
    t.deepEqual([...toBytes(got[1] as Uint8Array)], [...bytes('x')]);
    t.is(encoded, 1);
  });
});

serial('createClusterBus() takes more here than it can send', async (t) => {
  const remote = await connectNatsBus({ url: server.url, noEcho: true });
  const bus = createClusterBus(createMemoryBus({ powers: nodePowers }), remote, isControl, nodePowers);
  const large = new Uint8Array(remote.maxPayloadBytes + 1);
  let heard = 0;
  bus.subscribe('here', ({ body }) => void (heard += toBytes(body).length), { queue: 'q' });
  t.is(bus.maxPayloadBytes, remote.maxPayloadBytes);
  bus.publish('here', large);
  t.is(heard, large.length);
  t.is(t.throws(() => bus.publish('there', large), { instanceOf: FaasmError })?.code, 'too_large');
  await bus.close();
});

serial(
  'createClusterBus() keeps a message from its origin, and asks NATS where only the origin would hear',
  async (t) => {
    await onCluster(async ({ one, hear, heard, settle }) => {
      const client = {};
      hear('one', 'chat', { origin: client, label: 'client' });
      hear('two', 'chat');
      hear('one', 'job', { origin: client, queue: 'q', label: 'client' });
      hear('two', 'job', { queue: 'q' });
      await settle();
      one.publish('chat', bytes('1'), { origin: client });
      one.publish('job', bytes('2'), { origin: client });
      await settle();
      t.deepEqual(heard.sort(), ['two: 1', 'two: 2']);
    });
  },
);

serial('createClusterBus() stops being a responder when its last subscription ends', async (t) => {
  await onCluster(async ({ one, two, settle }) => {
    const handler = (message: BusMessage) => respond(two, message, bytes('two'));
    const subscriptions = [
      two.subscribe('s', handler, { queue: 'q' }),
      two.subscribe('s', handler, { queue: 'q' }),
    ];
    await settle();
    subscriptions[0]!.unsubscribe();
    await settle();
    t.is(text(await one.request('s', emptyBody)), 'two');
    subscriptions[1]!.unsubscribe();
    await settle();
    const error = await t.throwsAsync(one.request('s', emptyBody), { instanceOf: FaasmError });
    t.is(error?.code, 'no_responders');
  });
});

/** Hosts on a server that takes 64 KiB, which take 64 MiB themselves. */
async function onNarrowCluster(
  run: (one: HostBus, two: HostBus, url: string) => Promise<void>,
): Promise<void> {
  await using narrow = await startNatsServer({ config: 'max_payload: 65536' });
  const open = async () =>
    createClusterBus(
      createMemoryBus({ powers: nodePowers }),
      await connectNatsBus({ url: narrow.url, noEcho: true }),
      isControl,
      nodePowers,
    );
  const [one, two] = [await open(), await open()];
  try {
    await run(one, two, narrow.url);
  } finally {
    await one.close();
    await two.close();
  }
}

const pattern = (size: number): Uint8Array => new Uint8Array(size).map((_, at) => (at * 31) % 251);

for (const size of [65_535, 65_536, 65_537, 5_000_000]) {
  test(`createClusterBus() carries ${size} bytes to another host and back`, async (t) => {
    await onNarrowCluster(async (one, two) => {
      two.subscribe(
        'control.echo',
        (message) => respond(two, message, toBytes(message.body), message.headers),
        {
          queue: 'q',
        },
      );
      await two.flush();
      const body = pattern(size);
      const answer = await one.request('control.echo', body, {
        headers: { A: ['1', '2'] },
        timeoutMs: 120_000,
      });
      t.true(Buffer.from(toBytes(answer.body)).equals(body));
      t.deepEqual({ ...answer.headers }, { A: ['1', '2'] });
    });
  });
}

test('createClusterBus() carries many large messages at once', async (t) => {
  await onNarrowCluster(async (one, two) => {
    two.subscribe('control.size', (message) => {
      respond(two, message, pattern(toBytes(message.body).length));
    });
    await two.flush();
    const sizes = Array.from({ length: 30 }, (_, at) => 60_000 + at * 7919);
    const answers = await Promise.all(
      sizes.map((size) => one.request('control.size', pattern(size), { timeoutMs: 120_000 })),
    );
    t.deepEqual(
      answers.map(({ body }) => toBytes(body).length),
      sizes,
    );
  });
});

test('createClusterBus() answers too_large at once where the other side is no host', async (t) => {
  await onNarrowCluster(async (_, two, url) => {
    two.subscribe('public.large', (message) => respond(two, message, pattern(70_000)), { queue: 'q' });
    await two.flush();
    const client = await connectNatsBus({ url });
    t.is(
      fromErrorHeaders(await client.request('public.large', emptyBody, { timeoutMs: 120_000 }))?.code,
      'too_large',
    );
    await client.close();
  });
});

test('createClusterBus() gives up a message whose parts do not come, and tells who waits', async (t) => {
  await onNarrowCluster(async (one, two, url) => {
    two.subscribe('control.echo', (message) => respond(two, message, message.body));
    await two.flush();
    const forger = await connectNatsBus({ url });
    const offer = { 'Faasm-Parts': ['_INBOX.nobody.1 500000 65536'] };
    const answer = await forger.request('control.echo', emptyBody, { headers: offer, timeoutMs: 120_000 });
    t.is(fromErrorHeaders(answer)?.code, 'no_responders');
    const huge = { 'Faasm-Parts': ['_INBOX.nobody.1 9999999999 65536'] };
    const refused = await forger.request('control.echo', emptyBody, { headers: huge, timeoutMs: 120_000 });
    t.is(fromErrorHeaders(refused)?.code, 'too_large');
    forger.subscribe('control.forged', (message) => respond(forger, message, emptyBody, offer));
    await forger.flush();
    t.is(
      fromErrorHeaders(await one.request('control.forged', emptyBody, { timeoutMs: 120_000 }))?.code,
      'no_responders',
    );
    await forger.close();
  });
});

serial('tell() is heard in the host while NATS is away', async (t) => {
  const gone = await startNatsServer();
  const lost = Promise.withResolvers<void>();
  const local = createMemoryBus({ powers: nodePowers });
  const remote = await connectNatsBus({
    url: gone.url,
    drops: local.drops,
    noEcho: true,
    onStatus: (status) => void (status === 'disconnected' && lost.resolve()),
  });
  const bus = createClusterBus(local, remote, isControl, nodePowers);
  const heard: string[] = [];
  bus.subscribe('news.a', (message) => void heard.push(text(message)));
  await gone.stop();
  await lost.promise;
  const large = new Uint8Array(512 * 1024);
  for (let each = 0; each < 100; each++) bus.tell('news.a', bytes('x'), { fleeting: true });
  for (let each = 0; each < 100; each++) bus.tell('news.b', large);
  t.is(heard.length, 100);
  t.deepEqual(bus.drops.list(), [
    { kind: 'a', code: 'no_capacity', count: 100 },
    { kind: 'b', code: 'no_capacity', count: 68 },
  ]);
  await bus.close();
});
