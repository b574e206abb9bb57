import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type Bus, emptyBody, toBytes } from '../../src/bus/port.ts';
import { registerService } from '../../src/bus/service.ts';
import { nodePowers } from '../../src/power/node.ts';

const options = {
  clock: nodePowers.clock,
  name: 'faasm-scheduler',
  version: '1.2.3',
  description: 'places calls',
  id: 'host-1',
  endpoints: [
    { name: 'invoke', subject: 'faasm.invoke.*.*', queue: 'faasm-scheduler' },
    { name: 'async', subject: 'faasm.async.*.*', queue: 'faasm-scheduler' },
  ],
};

async function ask(bus: Bus, subject: string): Promise<Record<string, unknown>> {
  return JSON.parse(Buffer.from(toBytes((await bus.request(subject, emptyBody)).body)).toString());
}

const identity = { name: 'faasm-scheduler', id: 'host-1', version: '1.2.3', metadata: {} };

for (const suffix of ['', '.faasm-scheduler', '.faasm-scheduler.host-1']) {
  test(`registerService() answers $SRV.PING, INFO and STATS${suffix}`, async (t) => {
    const bus = createMemoryBus({ powers: nodePowers });
    registerService(bus, options);
    t.deepEqual(await ask(bus, `$SRV.PING${suffix}`), {
      type: 'io.nats.micro.v1.ping_response',
      ...identity,
    });
    t.deepEqual(await ask(bus, `$SRV.INFO${suffix}`), {
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: 'places calls',
      endpoints: options.endpoints.map(({ name, subject, queue }) => ({
        name,
        subject,
        queue_group: queue,
        metadata: {},
      })),
    });
    const { started, ...stats } = await ask(bus, `$SRV.STATS${suffix}`);
    t.is(new Date(String(started)).toISOString(), String(started));
    t.deepEqual(stats, {
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      endpoints: options.endpoints.map(({ name, subject, queue }) => ({
        name,
        subject,
        queue_group: queue,
        num_requests: 0,
        num_errors: 0,
        last_error: '',
        processing_time: 0,
        average_processing_time: 0,
      })),
    });
  });
}

test('record() counts requests, errors and time', (t) => {
  const service = registerService(createMemoryBus({ powers: nodePowers }), options);
  service.record('invoke', 1000);
  service.record('invoke', 2000, new Error('first'));
  service.record('invoke', 1501, new Error('second'));
  const [invoke, other] = service.stats();
  t.like(invoke, {
    num_requests: 3,
    num_errors: 2,
    last_error: 'second',
    processing_time: 4501,
    average_processing_time: 1500,
  });
  t.is(other!.num_requests, 0);
  t.throws(() => service.record('unknown', 1), { instanceOf: FaasmError });
});

test('stop() takes the service off the list', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  const service = registerService(bus, options);
  service.stop();
  const error = await t.throwsAsync(bus.request('$SRV.PING', emptyBody), { instanceOf: FaasmError });
  t.is(error?.code, 'no_responders');
});

test('registerService() refuses names and versions that no client takes', (t) => {
  const bus = createMemoryBus({ powers: nodePowers });
  for (const wrong of [
    { name: 'a.b' },
    { id: 'a b' },
    { version: 'one' },
    { endpoints: [{ name: '', subject: 'a', queue: 'q' }] },
  ]) {
    t.throws(() => registerService(bus, { ...options, ...wrong }), { instanceOf: FaasmError });
  }
  t.is(bus.interest('$SRV.PING'), 'none');
});
