import test from 'ava';
import type { CallEvent } from '../../proto/messages.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { readBody, toBytes } from '../../src/bus/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import { CallEvents } from '../../src/worker-pool/call-events.ts';
import { callEventsCodec } from '../../src/worker-pool/messages.ts';

const event = (more: object = {}): CallEvent =>
  ({ id: 'c1', user: 'ada', durationMs: 1, stderr: null, error: null, ...more }) as unknown as CallEvent;

test('events with much text are told in messages that a NATS server takes', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const subjects = createPublicSubjects();
  const sizes: number[] = [];
  let count = 0;
  bus.subscribe(subjects.callEvents('*'), (message) => {
    sizes.push(toBytes(message.body).length);
    count += readBody(message, callEventsCodec).length;
  });
  const events = new CallEvents(bus, subjects, nodePowers.timers);
  const stderr = '€'.repeat(4096);
  const error = { code: 'guest_returned', message: 'it returned 1', details: { stderr } };
  for (let each = 0; each < 250; each++) events.add(event({ stderr, error }));
  events.flush();
  t.is(count, 250);
  t.true(sizes.length > 2);
  t.true(Math.max(...sizes) < 1024 * 1024 - 4096);
});

test('events are lines of JSON', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const subjects = createPublicSubjects();
  const bodies: string[] = [];
  bus.subscribe(
    subjects.callEvents('*'),
    ({ body }) => void bodies.push(Buffer.from(toBytes(body)).toString()),
  );
  const events = new CallEvents(bus, subjects, nodePowers.timers);
  const told = [event({ id: 'a', stderr: 'one\ntwo' }), event({ id: 'b' })];
  for (const each of told) events.add(each);
  events.flush();
  t.deepEqual(
    bodies.map((body) => body.split('\n').map((line) => JSON.parse(line))),
    [told],
  );
});

test('events are told to each user alone', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const subjects = createPublicSubjects();
  const heard: [string, string[]][] = [];
  bus.subscribe(subjects.callEvents('*'), (message) => {
    heard.push([message.subject, readBody(message, callEventsCodec).map(({ id }) => id)]);
  });
  const events = new CallEvents(bus, subjects, nodePowers.timers);
  for (const [user, id] of [
    ['ada', '1'],
    ['eve', '2'],
    ['ada', '3'],
  ])
    events.add(event({ user, id }));
  events.flush();
  t.deepEqual(heard, [
    ['faasm.event.calls.ada', ['1', '3']],
    ['faasm.event.calls.eve', ['2']],
  ]);
  events.flush();
  t.is(heard.length, 2);
});

test('events fit the largest message of the bus, the longest by leaving their texts out', (t) => {
  const bus = createMemoryBus({ powers: nodePowers, maxPayloadBytes: 4096 });
  const subjects = createPublicSubjects();
  const heard: CallEvent[] = [];
  bus.subscribe(subjects.callEvents('*'), (message) => {
    t.true(toBytes(message.body).length <= 4096);
    heard.push(...readBody(message, callEventsCodec));
  });
  const events = new CallEvents(bus, subjects, nodePowers.timers);
  const error = { code: 'guest_trapped', message: '\u0001'.repeat(2000), details: { trap: 'unreachable' } };
  for (let each = 0; each < 100; each++) events.add(event({ stderr: '€'.repeat(each * 40), error }));
  events.flush();
  t.is(heard.length, 100);
  t.true(heard.every((each) => each.error?.code === 'guest_trapped'));
});

test('events that the bus does not take are dropped and counted', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const events = new CallEvents(bus, createPublicSubjects(), nodePowers.timers);
  await bus.close();
  events.add(event());
  t.notThrows(() => events.flush());
  t.deepEqual(bus.drops.list(), [{ kind: 'event', code: 'draining', count: 1 }]);
});
