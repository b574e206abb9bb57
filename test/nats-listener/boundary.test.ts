/** What clients of a listener may do on the subjects of the system, and how much of it. */
import test, { type ExecutionContext } from 'ava';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { respond, toBytes } from '../../src/bus/port.ts';
import { loadConfig } from '../../src/config/config.ts';
import { type NatsListenerOptions, startNatsListener } from '../../src/nats-listener/server.ts';
import { nodePowers } from '../../src/power/node.ts';
import { alone, converse } from './transcript.ts';

/** As large a message as a NATS server takes by itself. */
const defaults = { ...loadConfig().natsListener, maxPayloadBytes: 2 ** 20 };

const quiet = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';

async function listen(t: ExecutionContext, options: Partial<NatsListenerOptions> = {}) {
  const bus = createMemoryBus({ powers: nodePowers });
  const events: string[] = [];
  const listener = await startNatsListener({
    ...defaults,
    bus,
    host: '127.0.0.1',
    port: 0,
    onEvent: ({ why }) => events.push(why),
    ...options,
  });
  t.teardown(() => listener.close());
  return { bus, events, port: listener.port };
}

/** What a client is told for an operation. */
async function say(port: number, ...operations: string[]): Promise<string> {
  const { client } = await converse(port, alone(`${quiet}${operations.join('')}PING\r\n`));
  return client!;
}

const refused = test.macro({
  title: (_, operation: string) => `a client may not ${operation.split('\r\n')[0]}`,
  async exec(t, operation: string, expected: string) {
    const { bus, port } = await listen(t);
    let heard = 0;
    bus.subscribe('faasm.>', () => void heard++);
    t.is(await say(port, operation), `-ERR '${expected}'\r\nPONG\r\n`);
    t.is(heard, 0);
  },
});
const publishing = (subject: string): string => `Permissions Violation for Publish to "${subject}"`;
for (const subject of [
  'faasm.host.fake.status',
  'faasm.host.one.call',
  'faasm.host.one.instance',
  'faasm.host.one.heard.1',
  'faasm.host.one.function.ada.echo',
  'faasm.host.one.file.ada',
  'faasm.event.calls.ada',
]) {
  test(refused, `PUB ${subject} 1\r\nx\r\n`, publishing(subject));
  test(refused, `HPUB ${subject} 12 13\r\nNATS/1.0\r\n\r\nx\r\n`, publishing(subject));
}
for (const reply of ['faasm.host.fake.status', 'faasm.invoke.ada.echo']) {
  test(
    refused,
    `PUB faasm.invoke.ada.echo ${reply} 1\r\nx\r\n`,
    `Permissions Violation for Publish with Reply of "${reply}"`,
  );
}
for (const pattern of ['faasm.host.>', 'faasm.host.*.status', 'faasm.host.one.call']) {
  test(refused, `SUB ${pattern} 1\r\n`, `Permissions Violation for Subscription to "${pattern}"`);
}
for (const pattern of ['faasm.invoke.*.*', 'faasm.host.one.call', '*.invoke.>', '>', 'faasm.>']) {
  const expected = `Permissions Violation for Subscription to "${pattern}" using queue "faasm-scheduler"`;
  test(refused, `SUB ${pattern} faasm-scheduler 1\r\n`, expected);
}

test('a client may ask, listen in, and have subjects and groups of its own', async (t) => {
  const { bus, port } = await listen(t);
  bus.subscribe('faasm.invoke.ada.echo', (message) => respond(bus, message, message.body), { queue: 'q' });
  const answer = await say(
    port,
    'SUB _INBOX.mine.* 1\r\nSUB faasm.event.> 2\r\nSUB chat.> own 3\r\nSUB own.faasm q 4\r\n',
    'PUB faasm.invoke.ada.echo _INBOX.mine.a 2\r\nhi\r\nPUB chat.x 1\r\ny\r\n',
  );
  t.is(answer, 'MSG _INBOX.mine.a 1 2\r\nhi\r\nMSG chat.x 3 1\r\ny\r\nPONG\r\n');
});

test('a client that hears all hears nothing of what hosts say to each other', async (t) => {
  const { bus, port } = await listen(t);
  const wild = ['>', '*.>', 'faasm.>', '*.host.>', 'faasm.*.one.status', 'faasm.*.*.*'];
  bus.subscribe('chat.go', () => {
    bus.publish('faasm.host.one.status', Buffer.from('secret'));
    bus.publish('faasm.event.calls.ada', Buffer.from('news'));
  });
  const subscribing = wild.map((pattern, sid) => `SUB ${pattern} ${sid}\r\n`).join('');
  const answer = await say(port, subscribing, 'UNSUB 2 1\r\nPUB chat.go 0\r\n\r\n');
  const heard = [0, 1, 2, 5].map((sid) => `MSG faasm.event.calls.ada ${sid} 4\r\nnews\r\n`);
  for (const each of heard) t.true(answer.includes(each), each);
  t.false(answer.includes('secret'));
});

test('who listens in learns neither where an answer goes nor what it is', async (t) => {
  const { bus, port } = await listen(t);
  bus.subscribe('faasm.invoke.ada.echo', async (message) => {
    await new Promise((resolve) => setImmediate(resolve));
    respond(bus, message, Buffer.from('answer'));
  });
  const said = converse(port, [
    ['ear', `${quiet}SUB > 1\r\nSUB _INBOX.> 2\r\nPING\r\n`],
    ['asker', `${quiet}PUB chat.go 0\r\n\r\nPING\r\n`],
    ['ear', 'PING\r\n'],
  ]);
  bus.subscribe('chat.go', async () => {
    t.is(
      Buffer.from(toBytes((await bus.request('faasm.invoke.ada.echo', Buffer.from('q'))).body)).toString(),
      'answer',
    );
  });
  const { ear } = await said;
  t.is(ear, 'PONG\r\nMSG chat.go 1 0\r\n\r\nMSG faasm.invoke.ada.echo 1 1\r\nq\r\nPONG\r\n');
});

test('subscriptions that hear the system are few, of all clients together', async (t) => {
  const { port } = await listen(t, { maxListening: 3, maxSubscriptions: 5 });
  const exceeded = "-ERR 'maximum subscriptions exceeded'\r\n";
  const listening = ['>', 'faasm.>', '*.event.*.*', 'faasm.event.calls.ada'].map(
    (each, sid) => `SUB ${each} ${sid}\r\n`,
  );
  t.is(await say(port, ...listening), `${exceeded}PONG\r\n`);
  const { one, two } = await converse(port, [
    ['one', `${quiet}SUB > 1\r\nSUB > 2\r\nPING\r\n`],
    ['two', `${quiet}SUB > 1\r\nSUB > 2\r\nSUB own.a 3\r\nPING\r\n`],
    ['one', 'UNSUB 1\r\nPING\r\n'],
    ['two', 'SUB > 4\r\nSUB own.b 5\r\nSUB own.c 6\r\nSUB own.d 7\r\nPING\r\n'],
  ]);
  t.is(one, 'PONG\r\nPONG\r\n');
  t.is(two, `${exceeded}PONG\r\n${exceeded}PONG\r\n`);
});

test('a client that publishes and does not wait leaves the thread to others', async (t) => {
  const { bus, port } = await listen(t);
  let heard = 0;
  bus.subscribe('work', () => {
    heard++;
    const endMs = performance.now() + 2;
    while (performance.now() < endMs);
  });
  const turns: number[] = [];
  let lastMs = performance.now();
  const turn = setInterval(() => {
    if (heard > 0) turns.push(performance.now() - lastMs);
    lastMs = performance.now();
  }, 1);
  t.teardown(() => clearInterval(turn));
  const { flood } = await converse(port, [['flood', `${quiet}${'PUB work 1\r\nx\r\n'.repeat(200)}PING\r\n`]]);
  t.is(flood, 'PONG\r\n');
  t.is(heard, 200);
  // All of it at once would be one turn; in stretches it is one turn after every three messages or so.
  t.true(turns.length > 20, `${turns.length}`);
});

test('clients that publish and do not wait leave the thread to others, however many they are', async (t) => {
  const { bus, port } = await listen(t);
  let heard = 0;
  let heardInTurn = 0;
  let most = 0;
  bus.subscribe('work', () => {
    heard++;
    heardInTurn++;
    const endMs = performance.now() + 2;
    while (performance.now() < endMs);
  });
  const turn = setInterval(() => {
    most = Math.max(most, heardInTurn);
    heardInTurn = 0;
  }, 1);
  t.teardown(() => clearInterval(turn));
  const flood = `${quiet}${'PUB work 1\r\nx\r\n'.repeat(20)}PING\r\n`;
  const clients = Array.from({ length: 20 }, async () => (await converse(port, alone(flood))).client);
  t.deepEqual(new Set(await Promise.all(clients)), new Set(['PONG\r\n']));
  t.is(heard, 400);
  // A stretch has three messages or so, and each client had one in the same turn.
  t.true(most <= 15, `${most}`);
});
