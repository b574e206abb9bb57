/** What every place has to do where hosts lock values. */
import type { ExecutionContext, TestFn } from 'ava';
import type { LockStore } from '../../src/state/stores/port.ts';

export function lockStoreContract(test: TestFn, name: string, open: () => Promise<LockStore>): void {
  const check = (title: string, run: (t: ExecutionContext, locks: LockStore) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => run(t, await open()));
  const longMs = 60_000;

  check('a writer keeps everybody out until it gives the lock back', async (t, locks) => {
    const first = (await locks.take('ann/k', 'a', 'write', longMs))!;
    t.is(await locks.take('ann/k', 'b', 'write', longMs), undefined);
    t.is(await locks.take('ann/k', 'c', 'read', longMs), undefined);
    t.truthy(await locks.take('ann/other', 'b', 'write', longMs));
    await locks.release('ann/k', 'b');
    t.is(await locks.take('ann/k', 'b', 'write', longMs), undefined);
    await locks.release('ann/k', 'a');
    const second = (await locks.take('ann/k', 'b', 'write', longMs))!;
    t.true(second.fence > first.fence);
  });

  check('readers share, and keep a writer out', async (t, locks) => {
    t.truthy(await locks.take('ann/k', 'a', 'read', longMs));
    t.truthy(await locks.take('ann/k', 'b', 'read', longMs));
    t.is(await locks.take('ann/k', 'w', 'write', longMs), undefined);
    await locks.release('ann/k', 'a');
    t.is(await locks.take('ann/k', 'w', 'write', longMs), undefined);
    await locks.release('ann/k', 'b');
    t.truthy(await locks.take('ann/k', 'w', 'write', longMs));
  });

  check('a writer that waits has its turn before new readers', async (t, locks) => {
    t.truthy(await locks.take('ann/k', 'a', 'read', longMs));
    t.is(await locks.take('ann/k', 'w', 'write', longMs), undefined);
    t.is(await locks.take('ann/k', 'b', 'read', longMs), undefined);
    await locks.release('ann/k', 'a');
    t.truthy(await locks.take('ann/k', 'w', 'write', longMs));
    await locks.release('ann/k', 'w');
    t.truthy(await locks.take('ann/k', 'b', 'read', longMs));
  });

  check('an owner that asks again renews its lease and keeps its fence', async (t, locks) => {
    const first = (await locks.take('ann/k', 'a', 'write', 1000))!;
    const again = (await locks.take('ann/k', 'a', 'write', longMs))!;
    t.is(again.fence, first.fence);
    t.true(again.leaseEndsAtMs > first.leaseEndsAtMs);
  });

  check('release() says whether the grant was held until then', async (t, locks) => {
    const first = (await locks.take('ann/k', 'a', 'write', longMs))!;
    t.true(await locks.release('ann/k', 'a', first.fence));
    t.false(await locks.release('ann/k', 'a', first.fence));
    const second = (await locks.take('ann/k', 'a', 'write', longMs))!;
    t.false(await locks.release('ann/k', 'a', first.fence));
    t.truthy(await locks.take('ann/k', 'b', 'write', longMs));
    t.false(await locks.release('ann/k', 'a', second.fence));
  });

  check('a lease that ended is free, with a greater fence', async (t, locks) => {
    const first = (await locks.take('ann/k', 'a', 'write', 1))!;
    let second = await locks.take('ann/k', 'b', 'write', longMs);
    while (second === undefined) second = await locks.take('ann/k', 'b', 'write', longMs);
    t.true(second.fence > first.fence);
    t.false(await locks.release('ann/k', 'a', first.fence));
    t.is(await locks.take('ann/k', 'c', 'write', longMs), undefined);
  });
}
