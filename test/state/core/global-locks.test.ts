import test, { type ExecutionContext } from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { nodePowers } from '../../../src/power/node.ts';
import { GlobalLocks } from '../../../src/state/core/global-locks.ts';
import { createLockTable, decideLocks, type LockMode } from '../../../src/state/core/locks.ts';
import type { LockStore } from '../../../src/state/stores/port.ts';

const longMs = 60_000;

/** Where hosts meet, by a clock that only the test moves; and what is asked there. */
function createStore() {
  const table = createLockTable({ locksMax: 100, lockWaitersMax: 100 }, 0);
  const state = { nowMs: 0, away: false, asked: [] as string[] };
  const check = (): void => {
    if (state.away) throw new FaasmError('storage_unavailable', 'away');
  };
  const store: LockStore = {
    async take(name, owner, mode, leaseMs) {
      check();
      state.asked.push(`${owner} takes ${name}`);
      const lock = { type: 'lock', request: 1, name, owner, mode, leaseMs, waitMs: 0 } as const;
      const [effect] = decideLocks(table, { ...lock, nowMs: state.nowMs });
      if (effect?.type !== 'granted') return undefined;
      return { fence: effect.fence, leaseEndsAtMs: effect.leaseEndsAtMs! };
    },
    async release(name, owner, fence) {
      check();
      state.asked.push(`${owner} releases ${name}`);
      decideLocks(table, { type: 'tick', nowMs: state.nowMs });
      const held = table.locks.get(name)?.holders.find((one) => one.owner === owner);
      if (held === undefined || (fence !== undefined && held.fence !== fence)) return false;
      decideLocks(table, { type: 'unlock', request: 1, name, owner, nowMs: state.nowMs });
      return true;
    },
  };
  const holders = (name: string): string[] =>
    (table.locks.get(name)?.holders ?? [])
      .filter(({ endsAtMs }) => endsAtMs > state.nowMs)
      .map(({ owner }) => owner);
  return { store, state, holders };
}

function start(t: ExecutionContext, leaseMs = longMs) {
  const shared = createStore();
  const lost: string[] = [];
  const host = (name: string) => {
    const onLost = (lock: string, error: unknown) => lost.push(`${lock} ${FaasmError.from(error).code}`);
    const locks = new GlobalLocks({ powers: nodePowers, store: shared.store, host: name, leaseMs, onLost });
    t.teardown(() => {
      shared.state.away = false;
      return locks.stop();
    });
    return locks;
  };
  return { ...shared, lost, host };
}

const wanted = (owner: string, mode: LockMode = 'write', name = 'ann/k') => ({ name, owner, mode });
const once = 0;
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
};

test('take() keeps other hosts out until release()', async (t) => {
  const { host } = start(t);
  const [one, two] = [host('one'), host('two')];
  const { fence } = await one.take(wanted('x'), 0, once);
  t.is(one.fenceOf('ann/k'), fence);
  await t.throwsAsync(two.take(wanted('x'), 0, once), { code: 'deadline_exceeded' });
  t.is(two.fenceOf('ann/k'), undefined);
  await one.release('ann/k', 'x');
  t.is(one.fenceOf('ann/k'), undefined);
  t.true((await two.take(wanted('x'), 0, once)).fence > fence);
});

test('take() waits for a lock that another host gives back in time', async (t) => {
  const { host, state } = start(t);
  const [one, two] = [host('one'), host('two')];
  await one.take(wanted('x'), 0, once);
  const taken = two.take(wanted('y'), 0, nodePowers.clock.steadyMs() + longMs);
  await until(() => state.asked.filter((each) => each === 'two/y takes ann/k').length >= 3);
  await one.release('ann/k', 'x');
  t.truthy(await taken);
});

for (const [how, giveUp] of [
  ['release()', (locks: GlobalLocks) => locks.release('ann/k', 'guest/1')],
  ['ownerGone()', (locks: GlobalLocks) => locks.ownerGone('guest')],
  ['stop()', (locks: GlobalLocks) => locks.stop()],
] as const) {
  test(`${how} while take() waits leaves the lock to others`, async (t) => {
    const { host, state, holders } = start(t);
    const [one, two] = [host('one'), host('two')];
    await one.take(wanted('x'), 0, once);
    const taken = two.take(wanted('guest/1'), 0, nodePowers.clock.steadyMs() + longMs);
    const refused = t.throwsAsync(taken, { code: 'cancelled' });
    await until(() => state.asked.includes('two/guest/1 takes ann/k'));
    await giveUp(two);
    await one.release('ann/k', 'x');
    await refused;
    t.deepEqual(holders('ann/k'), []);
    t.is(two.fenceOf('ann/k'), undefined);
  });
}

test('take() by its owner keeps the fence while the lease lasts', async (t) => {
  const { host } = start(t);
  const one = host('one');
  const first = await one.take(wanted('x'), 0, once);
  t.is((await one.take(wanted('x'), 0, once)).fence, first.fence);
});

test('take() by its owner after the lease says that the lock was lost, and leaves it to others', async (t) => {
  const { host, state, holders } = start(t);
  const [one, two] = [host('one'), host('two')];
  await one.take(wanted('x'), 0, once);
  state.nowMs += longMs;
  await t.throwsAsync(one.take(wanted('x'), 0, once), { code: 'lock_lost' });
  t.deepEqual(holders('ann/k'), []);
  await two.take(wanted('x'), 0, once);
  await t.throwsAsync(one.take(wanted('x'), 0, nodePowers.clock.steadyMs() + longMs), { code: 'lock_lost' });
  t.deepEqual(holders('ann/k'), ['two/x']);
});

test('release() of a lock whose lease has ended says so, and frees no one else', async (t) => {
  const { host, state, holders } = start(t);
  const [one, two] = [host('one'), host('two')];
  await one.take(wanted('x'), 0, once);
  state.nowMs += longMs;
  await two.take(wanted('x'), 0, once);
  await t.throwsAsync(one.release('ann/k', 'x'), { code: 'lock_lost' });
  t.deepEqual(holders('ann/k'), ['two/x']);
  t.truthy(await host('three').take(wanted('z', 'write', 'ann/other'), 0, once));
});

test('release() of a lock with a lease of its own is no news when that has ended', async (t) => {
  const { host, state } = start(t);
  const one = host('one');
  const { leaseEndsAtMs } = await one.take(wanted('x'), 10, once);
  t.is(leaseEndsAtMs, 10);
  t.is(one.fenceOf('ann/k'), undefined);
  state.nowMs += 10;
  await t.notThrowsAsync(one.release('ann/k', 'x'));
});

test('fenceOf() knows writers, and no readers', async (t) => {
  const { host } = start(t);
  const one = host('one');
  await one.take(wanted('r', 'read'), 0, once);
  t.is(one.fenceOf('ann/k'), undefined);
  const { fence } = await one.take(wanted('w', 'write', 'ann/l'), 0, once);
  t.is(one.fenceOf('ann/l'), fence);
  t.is(one.fenceOf('ann/k'), undefined);
});

test('a lock that is held for good is renewed, and no other', async (t) => {
  const { host, state } = start(t, 3);
  const one = host('one');
  await one.take(wanted('x'), 0, once);
  await one.take(wanted('y', 'write', 'ann/leased'), 2, once);
  state.asked.length = 0;
  await until(() => state.asked.length >= 3);
  t.deepEqual([...new Set(state.asked)], ['one/x takes ann/k']);
});

test('a lock that cannot be renewed is told of once, is not taken anew and is lost to its owner', async (t) => {
  const { host, state, lost, holders } = start(t, 3);
  const one = host('one');
  await one.take(wanted('x'), 0, once);
  state.nowMs += 3;
  await until(() => lost.length > 0);
  await until(() => state.asked.includes('one/x releases ann/k'));
  t.deepEqual(holders('ann/k'), []);
  state.asked.length = 0;
  await one.take(wanted('y', 'write', 'ann/l'), 0, once);
  await until(() => state.asked.filter((each) => each === 'one/y takes ann/l').length >= 3);
  t.false(state.asked.includes('one/x takes ann/k'));
  t.deepEqual(lost, ['ann/k lock_lost']);
  await t.throwsAsync(one.release('ann/k', 'x'), { code: 'lock_lost' });
});

test('a store that is away costs no lock before its lease has ended', async (t) => {
  const { host, state, lost } = start(t, 3);
  const one = host('one');
  const { fence } = await one.take(wanted('x'), 0, once);
  state.away = true;
  await until(() => lost.length > 1);
  state.away = false;
  t.deepEqual([...new Set(lost)], ['ann/k storage_unavailable']);
  t.is((await one.take(wanted('x'), 0, once)).fence, fence);
  await t.notThrowsAsync(one.release('ann/k', 'x'));
});

test('ownerGone() gives back what an owner and its parts had, and nothing else', async (t) => {
  const { host, holders } = start(t);
  const one = host('one');
  for (const owner of ['x', 'x/1', 'x1', 'y']) await one.take(wanted(owner, 'read'), 0, once);
  t.deepEqual(one.heldBy('x'), ['ann/k', 'ann/k']);
  one.ownerGone('x');
  await until(() => holders('ann/k').length <= 2);
  t.deepEqual(holders('ann/k'), ['one/x1', 'one/y']);
  t.deepEqual(one.heldBy('x'), []);
});

test('stop() gives everything back, and says what it could not', async (t) => {
  const { host, state, lost, holders } = start(t);
  const [one, two] = [host('one'), host('two')];
  await one.take(wanted('x'), 0, once);
  await one.take(wanted('y', 'write', 'ann/l'), 0, once);
  await one.stop();
  t.deepEqual([...holders('ann/k'), ...holders('ann/l'), ...lost], []);
  await two.take(wanted('z'), 0, once);
  state.away = true;
  await two.stop();
  t.deepEqual(lost, ['ann/k storage_unavailable']);
});
