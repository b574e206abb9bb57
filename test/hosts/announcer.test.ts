import test from 'ava';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { toHostId } from '../../proto/names.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, Encodable, emptyBody, respond } from '../../src/bus/port.ts';
import { Announcer } from '../../src/hosts/announcer.ts';
import { nodePowers } from '../../src/power/node.ts';
import { hostStatusCodec } from '../../src/scheduler/messages.ts';
import { status } from '../scheduler/_status.ts';

const control = createControlSubjects();
const here = toHostId('here');

function start(t: { teardown(close: () => void): void }, hostSilentMs = 60_000) {
  const bus = createMemoryBus({ powers: nodePowers });
  const announcer = new Announcer({ powers: nodePowers, bus, control, host: here, hostSilentMs });
  t.teardown(() => announcer.close());
  const tales: BusMessage[] = [];
  bus.subscribe('news', (message) => void tales.push(message));
  const hear = (host: string, phase: 'serving' | 'gone' = 'serving') =>
    bus.publish(control.status(toHostId(host)), new Encodable(status(host, { phase }), hostStatusCodec));
  const announce = () => {
    const announced = { isOver: false, all: announcer.announce('news', emptyBody) };
    void announced.all.then(() => (announced.isOver = true));
    return announced;
  };
  const confirm = (host: string) => respond(bus, tales.at(-1)!, Buffer.from(host));
  return { bus, announcer, hear, announce, confirm };
}

const settled = () => new Promise(setImmediate);

test('announce() is over at once where no other host is known', async (t) => {
  const { announce } = start(t);
  await announce().all;
  t.pass();
});

test('announce() is over when every other host has confirmed it', async (t) => {
  const { hear, announce, confirm } = start(t);
  for (const host of ['here', 'b', 'c']) hear(host);
  const announced = announce();
  confirm('b');
  confirm('here');
  confirm('b');
  await settled();
  t.false(announced.isOver);
  confirm('c');
  await announced.all;
  t.true(announced.isOver);
});

test('announce() does not wait for a host that is gone', async (t) => {
  const { hear, announce, confirm } = start(t);
  for (const host of ['b', 'c']) hear(host);
  const announced = announce();
  confirm('b');
  await settled();
  t.false(announced.isOver);
  hear('c', 'gone');
  await announced.all;
  t.pass();
});

test('announce() does not wait for a host that falls silent', async (t) => {
  const { hear, announce } = start(t, 1);
  // The announcer's own timer keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  hear('b');
  await announce().all;
  t.pass();
});

test('confirm() answers when all handlers of the message were called', async (t) => {
  const { bus, announcer } = start(t);
  const order: string[] = [];
  bus.subscribe('change', (message) => announcer.confirm(message));
  bus.subscribe('change', () => void order.push('handled'));
  bus.subscribe('heard', () => void order.push('confirmed'));
  bus.publish('change', emptyBody, { reply: 'heard' });
  await settled();
  t.deepEqual(order, ['handled', 'confirmed']);
});

test('close() ends what waits, and nothing waits after it', async (t) => {
  const { announcer, hear, announce } = start(t);
  hear('b');
  const before = announce();
  announcer.close();
  await Promise.all([before.all, announce().all]);
  t.pass();
});
