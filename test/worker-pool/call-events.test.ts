import test from 'ava';
import type { CallEvent } from '../../proto/messages.ts';
import { createSubjects } from '../../proto/subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { readBody, toBytes } from '../../src/bus/port.ts';
import { CallEvents } from '../../src/worker-pool/call-events.ts';
import { callEventsCodec } from '../../src/worker-pool/messages.ts';

const event = (more: object = {}): CallEvent =>
  ({ id: 'c1', durationMs: 1, stderr: null, error: null, ...more }) as unknown as CallEvent;

test('events with much text are told in messages that a NATS server takes', (t) => {
  const bus = createMemoryBus();
  const subjects = createSubjects();
  const sizes: number[] = [];
  let count = 0;
  bus.subscribe(subjects.event('calls'), (message) => {
    sizes.push(toBytes(message.body).length);
    count += readBody(message, callEventsCodec).length;
  });
  const events = new CallEvents(bus, subjects);
  const stderr = '€'.repeat(4096);
  const error = { code: 'guest_returned', message: 'it returned 1', details: { stderr } };
  for (let each = 0; each < 250; each++) events.add(event({ stderr, error }));
  events.flush();
  t.is(count, 250);
  t.true(sizes.length > 2);
  t.true(Math.max(...sizes) < 1024 * 1024 - 4096);
});
