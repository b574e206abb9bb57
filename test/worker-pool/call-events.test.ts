import test from 'ava';
import type { CallEvent } from '../../proto/messages.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { readBody, toBytes } from '../../src/bus/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import type { Timer, Timers } from '../../src/power/port.ts';
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

/** Events on a bus of this size, what was told, and the timers that are set. */
function start(maxPayloadBytes = 1024 * 1024) {
  const bus = createMemoryBus({ powers: nodePowers, maxPayloadBytes });
  const subjects = createPublicSubjects();
  const told: CallEvent[][] = [];
  bus.subscribe(subjects.callEvents('*'), (message) => {
    told.push([...readBody(message, callEventsCodec)]);
  });
  const set = new Map<unknown, () => void>();
  const timers: Timers = {
    ...nodePowers.timers,
    after(_, work) {
      const timer = {} as Timer;
      set.set(timer, work);
      return timer;
    },
    cancel: (timer) => void set.delete(timer),
  };
  return { events: new CallEvents(bus, subjects, timers), told, set };
}

test('events wait for others, and go together when their time has come', (t) => {
  const { events, told, set } = start();
  events.add(event({ id: 'a' }));
  events.add(event({ id: 'b' }));
  t.is(told.length, 0);
  t.is(set.size, 1);
  for (const work of [...set.values()]) work();
  t.deepEqual(
    told.map((batch) => batch.map(({ id }) => id)),
    [['a', 'b']],
  );
  t.is(set.size, 0);
  events.add(event({ id: 'c' }));
  t.is(set.size, 1, 'the next wait anew');
});

test('flush() leaves no timer behind', (t) => {
  const { events, told, set } = start();
  events.add(event());
  events.flush();
  t.is(told.length, 1);
  t.is(set.size, 0);
});

test('many events do not wait', (t) => {
  const { events, told } = start();
  for (let each = 0; each < 255; each++) events.add(event());
  t.is(told.length, 0);
  events.add(event());
  t.deepEqual(
    told.map((batch) => batch.length),
    [256],
  );
});

test('an event that fits no message goes without its texts, but for how the error begins', (t) => {
  const { events, told } = start(16 * 1024);
  const message = 'x'.repeat(10_000);
  const details = { stderr: 'y'.repeat(10_000), returnValue: 1 };
  const error = { code: 'guest_trapped', message, details } as const;
  events.add(event({ stderr: 'z'.repeat(10_000), error }));
  events.add(event({ stderr: 'z'.repeat(10_000) }));
  events.add(event({ stderr: 'z'.repeat(20_000) }));
  events.flush();
  const all = told.flat();
  t.deepEqual(all[0]?.error, { code: 'guest_trapped', message: message.slice(0, 128), details: {} });
  t.is(all[0]?.stderr, null);
  t.is(all[1]?.stderr?.length, 10_000, 'what fits is whole');
  t.is(all[2]?.stderr, null);
  t.is(all[2]?.error, null);
});

test('events that are too much together go in several messages', (t) => {
  const { events, told } = start(16 * 1024);
  for (let each = 0; each < 4; each++) events.add(event({ stderr: 'z'.repeat(1000) }));
  events.flush();
  t.deepEqual(
    told.map((batch) => batch.length),
    [2, 2],
  );
});
