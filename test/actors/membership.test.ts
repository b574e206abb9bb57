import test from 'ava';
import { joinCluster } from '../../actors/membership.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { toHostId } from '../../proto/names.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, respond, toBytes } from '../../src/bus/port.ts';
import type { Log } from '../../src/log.ts';
import { nodePowers } from '../../src/power/node.ts';
import { hostStatusCodec } from '../../src/scheduler/messages.ts';
import { status } from '../scheduler/_status.ts';

const control = createControlSubjects();
const stores = { functions: 'shared', state: 's' };
const identity = { host: toHostId('a'), instance: 'a-1', stores, cores: 2 };

async function join(bus = createMemoryBus({ powers: nodePowers })) {
  const said: string[] = [];
  const namesakes: string[] = [];
  const log = { error: (_details: unknown, text: string) => said.push(text) } as unknown as Log;
  const onNamesake = (why: string) => namesakes.push(why);
  const { leave } = await joinCluster({ bus, control, identity, onNamesake, log });
  const hear = (host: string, more: Parameters<typeof status>[1]) =>
    bus.publish(control.status(toHostId(host)), new Encodable(status(host, more), hostStatusCodec));
  return { bus, said, namesakes, hear, leave };
}

test('joinCluster() says once of a host what it keeps elsewhere', async (t) => {
  const { said, hear } = await join();
  hear('b', {});
  t.deepEqual(said, []);
  for (let at = 0; at < 3; at++) hear('c', { stores: { functions: 'own', state: 's' } });
  t.is(said.length, 1);
  t.regex(said[0]!, /host c.*functions elsewhere.*FAASM_FUNCTIONS/);
  hear('d', { stores: { functions: 'shared', state: 'own' } });
  t.regex(said[1]!, /host d.*state elsewhere.*FAASM_STATE/);
});

test('joinCluster() is not ready beside another host of its name', async (t) => {
  const { said, namesakes, hear } = await join();
  hear('a', { instance: 'a-1' });
  t.deepEqual(namesakes, []);
  hear('a', { instance: 'a-2' });
  t.is(namesakes.length, 1);
  t.regex(said[0]!, /FAASM_HOST_NAME/);
});

test('joinCluster() refuses a name that is taken', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  bus.subscribe(control.instance(toHostId('a')), (message) => respond(bus, message, Buffer.from('x')));
  await t.throwsAsync(join(bus), { code: 'conflict' });
});

test('joinCluster() says so once of another host of its name, and of so many hosts at most', async (t) => {
  const { said, namesakes, hear } = await join();
  for (let times = 0; times < 3; times++) hear('a', { instance: 'a-2' });
  t.is(namesakes.length, 1);
  for (let at = 0; at < 30; at++) hear(`b${at}`, { stores: { functions: 'own', state: 's' } });
  t.is(said.length, 20);
});

test('joinCluster() answers who asks for its name, and leaves', async (t) => {
  const { bus, said, hear, leave } = await join();
  const answer = await bus.request(control.instance(toHostId('a')), emptyBody);
  t.is(Buffer.from(toBytes(answer.body)).toString(), 'a-1');
  leave();
  hear('c', { stores: { functions: 'own', state: 's' } });
  t.deepEqual(said, []);
  await t.throwsAsync(bus.request(control.instance(toHostId('a')), emptyBody), { code: 'no_responders' });
});

test('joinCluster() takes a name whose host has it still and answers nobody', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  bus.subscribe(control.instance(toHostId('a')), () => {});
  await t.notThrowsAsync(join(bus));
});
