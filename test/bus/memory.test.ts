import test from 'ava';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, Encodable, emptyBody, respond } from '../../src/bus/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import { busContract } from '../_contracts/bus.ts';

busContract(test, 'memory', 'one bus', async () => {
  const errors: unknown[] = [];
  const bus = createMemoryBus({
    powers: nodePowers,
    maxPayloadBytes: 1024 * 1024,
    onError: (error) => errors.push(error),
  });
  return { bus, other: bus, errors, close: () => bus.close() };
});

test('createMemoryBus({ powers: nodePowers }) hands on the body and the headers themselves', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const heard: BusMessage[] = [];
  bus.subscribe('a', (message) => void heard.push(message));
  const encode = () => t.fail('nobody asked for bytes') as never;
  const body = new Encodable({ deep: [1] }, { name: 'any', encode, decode: encode });
  const headers = { A: ['1'] };
  bus.publish('a', body, { headers });
  t.is(heard[0]!.body, body);
  t.is(heard[0]!.headers, headers);
});

test('createMemoryBus({ powers: nodePowers }) takes the members of a queue group in turn', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const got = [0, 0, 0];
  got.forEach((_, at) => {
    bus.subscribe('a', () => void got[at]!++, { queue: 'q' });
  });
  for (let at = 0; at < 30; at++) bus.publish('a', emptyBody);
  t.deepEqual(got, [10, 10, 10]);
});

test('createMemoryBus({ powers: nodePowers }) forgets what it remembers of a subject when subscriptions change', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const heard: string[] = [];
  const publish = () => bus.publish('a.b', emptyBody);
  const listen = (pattern: string) => bus.subscribe(pattern, () => void heard.push(pattern));
  publish();
  const exact = listen('a.b');
  publish();
  const wild = listen('a.*');
  publish();
  exact.unsubscribe();
  publish();
  wild.unsubscribe();
  publish();
  t.deepEqual(heard, ['a.b', 'a.b', 'a.*', 'a.*']);
});

test('createMemoryBus({ powers: nodePowers }) delivers to the right ones for more subjects than it remembers', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  let heard = 0;
  bus.subscribe('many.*', () => void heard++);
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 10_000; at++) bus.publish(`many.${at}`, emptyBody);
  }
  t.is(heard, 20_000);
});

test('createMemoryBus({ powers: nodePowers }) keeps a message from the subscriptions of its origin', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const me = {};
  const heard: string[] = [];
  bus.subscribe('a', () => void heard.push('mine'), { origin: me });
  bus.subscribe('a', () => void heard.push('other'), { origin: {} });
  bus.subscribe('a', () => void heard.push('nobody’s'));
  bus.publish('a', emptyBody, { origin: me });
  t.deepEqual(heard, ['other', 'nobody’s']);
  bus.publish('a', emptyBody);
  t.deepEqual(heard.slice(2), ['mine', 'other', 'nobody’s']);
});

test('createMemoryBus({ powers: nodePowers }) passes over the queue members of a message’s origin', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const me = {};
  let mine = 0;
  let others = 0;
  bus.subscribe('a', () => void mine++, { queue: 'q', origin: me });
  bus.subscribe('a', () => void others++, { queue: 'q' });
  for (let at = 0; at < 10; at++) bus.publish('a', emptyBody, { origin: me });
  t.deepEqual([mine, others], [0, 10]);
});

test('createMemoryBus({ powers: nodePowers }) answers "no responders" to one subscription: the closest', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const heard: string[] = [];
  for (const pattern of ['>', 'r.*', 'r.1', '*.1'])
    bus.subscribe(pattern, ({ subject }) => void heard.push(`${pattern} ${subject}`));
  const me = {};
  const lonely = createMemoryBus({ powers: nodePowers });
  for (const pattern of ['r.*', 'r.1', '*.1'])
    lonely.subscribe(pattern, () => void heard.push(pattern), { origin: me });
  lonely.publish('nobody', emptyBody, { reply: 'r.1', origin: me });
  t.deepEqual(heard, ['r.1']);
  bus.publish('nobody', emptyBody, { reply: 'r.1' });
  t.deepEqual(heard.slice(1), ['> nobody'], 'somebody heard it, so nothing is answered');
});

test('createMemoryBus({ powers: nodePowers }) lets those who listen in hear answers too', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const heard: string[] = [];
  bus.subscribe('ask', (message) => respond(bus, message, emptyBody));
  const all = bus.subscribe('>', ({ subject }) => void heard.push(subject.split('.')[0]!));
  await bus.request('ask', emptyBody);
  t.deepEqual(heard, ['ask', '_INBOX']);
  all.unsubscribe();
  await bus.request('ask', emptyBody);
  t.is(heard.length, 2);
});

test('createMemoryBus({ powers: nodePowers }) tells whether a message would be heard, and how', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const me = {};
  t.is(bus.interest('a'), 'none');
  bus.subscribe('a', () => {}, { origin: me });
  t.is(bus.interest('a'), 'shared');
  t.is(bus.interest('a', me), 'none');
  bus.subscribe('*', () => {}, { queue: 'q' });
  t.is(bus.interest('a'), 'taken');
  t.is(bus.interest('a', me), 'taken');
  bus.subscribe('>', () => {});
  t.is(bus.interest('_INBOX.x.1'), 'shared', 'those who listen in do not own an inbox');
  bus.subscribe('_INBOX.x.*', () => {});
  t.is(bus.interest('_INBOX.x.1'), 'taken');
  t.is(bus.interest(`${bus.inbox.prefix}1`), 'taken');
});
