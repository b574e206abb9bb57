import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import type { StateStatus } from '../../proto/messages.ts';
import { toStateKey, toUserName } from '../../proto/names.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createStateCore } from '../../src/state/core/decide.ts';
import { LockRequests } from '../../src/state/core/lock-requests.ts';
import { nameOf } from '../../src/state/core/value-name.ts';
import { Steps } from '../../src/state/steps.ts';
import { allocateShared, viewSegment, writeBytes } from '../../src/state/tier/segment.ts';
import { Staging } from '../../src/state/tier/staging.ts';
import { Values } from '../../src/state/tier/values.ts';
import { Unsaved } from '../../src/state/unsaved.ts';
import { createSimPowers } from '../sim/powers.ts';
import { SimValues } from '../sim/state-store.ts';
import { World } from '../sim/world.ts';
import { noLog } from './host.ts';

const ann = toUserName('ann');
const key = toStateKey('k');

/** All of the actor but its bus. */
function start() {
  const world = new World(1);
  const powers = createSimPowers(world, world.own, { drift: 0, offsetMs: 0 }, world.random);
  const simulated = new SimValues(() => world.nowMs);
  const failing = { isSo: false };
  const connected = simulated.connect('one', () => {});
  const discarded: string[] = [];
  const store: typeof connected = {
    ...connected,
    exclusive: true,
    locks: undefined,
    async write(...change) {
      if (failing.isSo) throw new FaasmError('storage_unavailable', 'away');
      return await connected.write(...change);
    },
    async discard(user, upload) {
      discarded.push(upload);
      await connected.discard(user, upload);
    },
  };
  const config = { ...loadConfig().state, pushDelayMs: 200, pushRetryMs: 1000, pushRetryMaxMs: 4000 };
  const core = createStateCore(config, 0);
  const step: Steps['take'] = (message) => steps.take(message);
  const locks = new LockRequests({ powers, store: undefined, host: 'one', leaseMs: 1000, log: noLog, step });
  const values = new Values({
    powers,
    store,
    quota: core.quota,
    residentMaxBytes: 1_000_000,
    fenceOf: () => undefined,
    isHeld: () => true,
    allocate: allocateShared,
    release: () => {},
    onDirty: (name) => steps.dirtied(name),
  });
  const told: StateStatus[] = [];
  const unsaved = new Unsaved(powers.timers, core.pushes, (status) => told.push(status));
  const onStep = () => unsaved.look();
  const steps = new Steps({ powers, core, store, values, locks, log: noLog, onStep });
  const staging = new Staging({
    clock: powers.clock,
    decide: (message) => steps.decide(message),
    store,
    values,
  });
  const write = async () => {
    const request = { mode: 'extend', totalBytes: 0, roomBytes: 10, fresh: false } as const;
    const segment = await values.open(ann, key, request);
    if (typeof segment === 'object') writeBytes(viewSegment(segment), 0, new Uint8Array(10));
  };
  const stored = () => simulated.read(ann, key)?.length;
  return { world, core, steps, unsaved, locks, staging, failing, discarded, told, write, stored, config };
}

test('what was written is pushed after the delay, and nothing is left to do', async (t) => {
  const { world, write, stored } = start();
  await write();
  await world.run(150);
  t.is(stored(), undefined);
  await world.run(100);
  t.is(stored(), 10);
  await world.run(5000);
  const { events } = world;
  await world.run(60_000);
  t.is(world.events, events);
});

test('a push that fails is tried again, and told of once for each change of what is not saved', async (t) => {
  const { world, write, failing, stored, told } = start();
  failing.isSo = true;
  await write();
  await world.run(10_000);
  t.deepEqual(told, [{ unpushedValues: 1, failingValues: 1 }]);
  failing.isSo = false;
  await world.run(6000);
  t.is(stored(), 10);
  t.deepEqual(told.at(-1), { unpushedValues: 0, failingValues: 0 });
  t.is(told.length, 2);
});

test('an upload of one part that nothing follows is discarded', async (t) => {
  const { world, staging, discarded, core, config } = start();
  const part = { user: ann, upload: 'up', offset: 0, commitBytes: undefined, bytes: new Uint8Array(5) };
  await staging.part(key, part, {});
  await world.run(config.uploadIdleMs - 1000);
  t.deepEqual(discarded, []);
  await world.run(2000);
  t.deepEqual(discarded, ['up']);
  t.is(core.quota.users.get(ann), 0);
});

test('who waits for a lock has it when the lease of the one before ends, or is told that it does not come', async (t) => {
  const { world, locks } = start();
  const name = nameOf(ann, key);
  await locks.lock(name, { owner: 'a', mode: 'write', leaseMs: 500, waitMs: 0 });
  const second = locks.lock(name, { owner: 'b', mode: 'write', leaseMs: 0, waitMs: 1000 });
  const third = t.throwsAsync(locks.lock(name, { owner: 'c', mode: 'read', leaseMs: 0, waitMs: 2000 }), {
    code: 'deadline_exceeded',
  });
  await world.run(600);
  t.true((await second).fence > 0);
  await world.run(2000);
  await third;
});

test('stop() ends all that time would do', async (t) => {
  const { world, steps, unsaved, write, stored, told } = start();
  await write();
  steps.stop();
  unsaved.stop();
  steps.dirtied('ann/other');
  await world.run(60_000);
  t.is(stored(), undefined);
  t.deepEqual(told, []);
});
