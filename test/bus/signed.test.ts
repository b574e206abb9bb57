import test from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { fromErrorHeaders } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, emptyBody, respond, toBytes } from '../../src/bus/port.ts';
import { signHosts } from '../../src/bus/signed.ts';
import { nodePowers } from '../../src/power/node.ts';
import type { Clock } from '../../src/power/port.ts';

const isOfHosts = (subject: string): boolean => subject.startsWith('control.');
const text = (message: BusMessage): string => Buffer.from(toBytes(message.body)).toString();

const clockAt = (wallMs: () => number): Clock => ({ ...nodePowers.clock, wallMs });

function start(nowMs = { here: 0, there: 0 }) {
  const wire = createMemoryBus({ powers: nodePowers });
  const here = signHosts(
    wire,
    'key',
    isOfHosts,
    clockAt(() => nowMs.here),
  );
  const there = signHosts(
    wire,
    'key',
    isOfHosts,
    clockAt(() => nowMs.there),
  );
  const stranger = signHosts(
    wire,
    'another key',
    isOfHosts,
    clockAt(() => nowMs.there),
  );
  const heard: string[] = [];
  here.subscribe('control.>', (message) => {
    heard.push(text(message));
    respond(here, message, Buffer.from('yes'));
  });
  return { wire, here, there, stranger, heard, nowMs };
}

test('signHosts() believes who has the key, told, published or asked', async (t) => {
  const { there, heard } = start();
  there.tell('control.a', Buffer.from('1'));
  there.publish('control.a', Buffer.from('2'), { headers: { A: ['b'] } });
  t.is(text(await there.request('control.a', Buffer.from('3'))), 'yes');
  t.deepEqual(heard, ['1', '2', '3']);
});

test('signHosts() believes nobody else, says so to who asks, and counts it', async (t) => {
  const { wire, here, stranger, heard } = start();
  wire.publish('control.a', Buffer.from('none'));
  stranger.tell('control.a', Buffer.from('wrong'));
  wire.publish('control.a', Buffer.from('x'), { headers: { [names.signature]: ['0 nonsense'] } });
  wire.publish('control.a', Buffer.from('x'), { headers: { [names.signature]: [''] } });
  t.is(fromErrorHeaders(await stranger.request('control.a', emptyBody))?.code, 'forbidden');
  t.deepEqual(heard, []);
  t.deepEqual(here.drops.list(), [{ kind: 'a', code: 'forbidden', count: 5 }]);
});

test('signHosts() believes a message once heard on no other subject, with no other body, offer, or later', (t) => {
  const { wire, there, heard, nowMs } = start();
  let known: BusMessage | undefined;
  const spy = wire.subscribe('control.a', (message) => void (known = message));
  there.tell('control.a', Buffer.from('1'));
  spy.unsubscribe();
  const { headers, body } = known!;
  wire.publish('control.a', body, { headers });
  t.deepEqual(heard, ['1', '1']);
  wire.publish('control.b', body, { headers });
  wire.publish('control.a', Buffer.from('2'), { headers });
  wire.publish('control.a', body, { headers: { ...headers, [names.parts]: ['_INBOX.a.b 1 1'] } });
  nowMs.here = 5 * 60_000 + 1;
  wire.publish('control.a', body, { headers });
  t.deepEqual(heard, ['1', '1']);
});

test('signHosts() leaves what is not between hosts as it is', async (t) => {
  const { wire, here, stranger } = start();
  const seen: BusMessage[] = [];
  here.subscribe('public.a', (message) => void seen.push(message));
  stranger.tell('public.a', Buffer.from('x'));
  t.is(seen[0]!.headers, undefined);
  t.true(here.maxPayloadBytes < wire.maxPayloadBytes);
  const error = await here.request('public.nobody', emptyBody).catch((thrown: FaasmError) => thrown.code);
  t.is(error, 'no_responders');
});
