import test from 'ava';
import {
  createLockTable,
  decideLocks,
  isHeld,
  type LockEffect,
  type LockMode,
} from '../../../src/state/core/locks.ts';
import { createRandom } from '../../random.ts';

const limits = { locksMax: 100, lockWaitersMax: 50 };

/**
 * Runs a script of `owner mode`, `owner unlock`, `owner gone`, `+ms` and `~ms`, after which nobody has looked at the
 * time; tells who was granted what, in order.
 */
function play(script: string, { leaseMs = 0, waitMs = 1000 } = {}): string[] {
  const table = createLockTable(limits, 0);
  const said: string[] = [];
  let nowMs = 0;
  let request = 0;
  const owners: string[] = [];
  const tell = (effects: LockEffect[]) => {
    for (const effect of effects) {
      const owner = owners[effect.request];
      if (effect.type === 'granted') said.push(`${owner}:${effect.fence}`);
      else if (effect.type === 'refused') said.push(`${owner}!${effect.error.code}`);
    }
  };
  for (const line of script.split(', ')) {
    if (line.startsWith('~')) {
      nowMs += Number(line.slice(1));
      continue;
    }
    if (line.startsWith('+')) {
      nowMs += Number(line);
      tell(decideLocks(table, { type: 'tick', nowMs }));
      continue;
    }
    const [owner = '', what] = line.split(' ');
    request++;
    owners[request] = owner;
    const name = 'k';
    if (what === 'gone') tell(decideLocks(table, { type: 'ownerGone', owner, nowMs }));
    else if (what === 'unlock') tell(decideLocks(table, { type: 'unlock', request, name, owner, nowMs }));
    else {
      const mode = what as LockMode;
      tell(decideLocks(table, { type: 'lock', request, name, owner, mode, leaseMs, waitMs, nowMs }));
    }
  }
  return said;
}

const says = test.macro({
  exec(t, script: string, expected: string, options: { leaseMs?: number; waitMs?: number } = {}) {
    t.is(play(script, options).join(' '), expected);
  },
  title: (title, script) => `decideLocks() ${title}: ${script}`,
});

test('gives readers a lock together', says, 'a read, b read', 'a:1 b:2');
test('gives a writer a lock alone', says, 'a write, b write, a unlock', 'a:1 b:2');
test(
  'lets a writer wait for all readers',
  says,
  'a read, b read, c write, a unlock, b unlock',
  'a:1 b:2 c:3',
);
test('lets no reader pass a waiting writer', says, 'a read, w write, b read, a unlock', 'a:1 w:2');
test(
  'serves readers after the writer',
  says,
  'a read, w write, b read, c read, a unlock, w unlock',
  'a:1 w:2 b:3 c:4',
);
test('renews for the same owner', says, 'a write, +60, a write, +60, b write', 'a:1 a:1 b!conflict', {
  leaseMs: 100,
  waitMs: 0,
});
test('refuses an owner another mode', says, 'a read, a write', 'a:1 a!conflict');
test('ends a lease', says, 'a write, b write, +99, +1', 'a:1 b:2', { leaseMs: 100 });
test('grants anew what its owner asks for after the lease', says, 'a write, ~100, a write', 'a:1 a:2', {
  leaseMs: 100,
});
test(
  'renews what its owner asks for within the lease',
  says,
  'a write, ~99, a write, ~99, a write',
  'a:1 a:1 a:1',
  {
    leaseMs: 100,
  },
);
test('gives nobody back what its lease has ended of', says, 'a write, ~100, a unlock', 'a:1 a!not_found', {
  leaseMs: 100,
});
test(
  'gives what a lease has ended of to who waits, before who asks',
  says,
  'a write, b write, ~100, c write',
  'a:1 b:2',
  { leaseMs: 100 },
);
test('gives up a wait', says, 'a write, b write, +999, +1', 'a:1 b!deadline_exceeded');
test(
  'serves those behind a wait that ended',
  says,
  'a read, w write, +500, b read, +500',
  'a:1 w!deadline_exceeded b:2',
);
test('does not wait where none is wanted', says, 'a write, b write', 'a:1 b!conflict', { waitMs: 0 });
test('releases what a gone owner held', says, 'a write, b write, a gone', 'a:1 b:2');
test('releases what a part of a gone owner held', says, 'x/1 write, b write, x gone', 'x/1:1 b:2');
test('spares another of similar name', says, 'x1 write, b write, x gone', 'x1:1');
test(
  'forgets the waits of a gone owner',
  says,
  'a write, b write, c write, b gone, a unlock',
  'a:1 b!cancelled c:2',
);
test(
  'gives up the waits of an owner that unlocks',
  says,
  'a write, b write, b unlock',
  'a:1 b!cancelled b!not_found',
);
test('refuses to unlock what is not held', says, 'a unlock', 'a!not_found');

test('decideLocks() bounds how many wait', (t) => {
  const table = createLockTable({ locksMax: 1, lockWaitersMax: 1 }, 0);
  const lock = (request: number, name: string, owner: string) =>
    decideLocks(table, {
      type: 'lock',
      request,
      name,
      owner,
      mode: 'write',
      leaseMs: 0,
      waitMs: 9,
      nowMs: 0,
    });
  lock(1, 'k', 'a');
  lock(2, 'k', 'b');
  const [third] = lock(3, 'k', 'c');
  t.true(third?.type === 'refused' && third.error.code === 'too_many_requests');
  const [other] = lock(4, 'other', 'a');
  t.true(other?.type === 'refused' && other.error.code === 'too_many_requests');
});

for (const seed of [1, 2, 3, 4, 5]) {
  test(`decideLocks() never gives a lock to a writer and another, answers everybody and forgets nobody (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const table = createLockTable({ locksMax: 1000, lockWaitersMax: 1000 }, 0);
    const asked = new Map<number, { owner: string; name: string; mode: LockMode }>();
    const answered = new Set<number>();
    let nowMs = 0;
    let lastFence = 0;
    let request = 0;
    const check = (effects: LockEffect[]) => {
      for (const effect of effects) {
        if (!asked.has(effect.request)) continue;
        if (answered.has(effect.request)) t.fail(`request ${effect.request} was answered twice`);
        answered.add(effect.request);
        if (effect.type === 'granted' && effect.fence > lastFence) lastFence = effect.fence;
      }
      for (const [name, { holders, waiting }] of table.locks) {
        const writers = holders.filter(({ mode }) => mode === 'write').length;
        if (writers > 0 && holders.length > 1) t.fail(`${name} is held by a writer and another`);
        if (holders.length === 0) t.fail(`${name} is kept for nobody`);
        const first = waiting[0];
        if (first?.mode === 'read' && writers === 0)
          t.fail(`a reader waits for ${name} and no writer has it`);
        for (const { fence } of holders) if (fence > lastFence) t.fail('a fence was not told');
      }
    };
    for (let step = 0; step < 3000; step++) {
      nowMs += random.below(20);
      const owner = `x${random.below(3)}/${random.below(4)}`;
      const name = `k${random.below(3)}`;
      const kind = random.below(10);
      request++;
      if (kind < 5) {
        const mode = random.pick(['read', 'write'] as const);
        asked.set(request, { owner, name, mode });
        const leaseMs = random.pick([0, 50, 200]);
        const waitMs = random.pick([0, 100]);
        check(decideLocks(table, { type: 'lock', request, name, owner, mode, leaseMs, waitMs, nowMs }));
      } else if (kind < 8) {
        asked.set(request, { owner, name, mode: 'read' });
        check(decideLocks(table, { type: 'unlock', request, name, owner, nowMs }));
      } else if (kind === 8) {
        check(decideLocks(table, { type: 'ownerGone', owner: `x${random.below(3)}`, nowMs }));
      } else check(decideLocks(table, { type: 'tick', nowMs }));
    }
    for (const owner of ['x0', 'x1', 'x2']) check(decideLocks(table, { type: 'ownerGone', owner, nowMs }));
    t.is(answered.size, asked.size);
    t.is(table.locks.size, 0);
  });
}

test('isHeld() knows the grant while its lease lasts, and no other', (t) => {
  const table = createLockTable(limits, 0);
  const lock = { type: 'lock', request: 1, name: 'k', mode: 'write', leaseMs: 100, waitMs: 0 } as const;
  const [granted] = decideLocks(table, { ...lock, owner: 'a', nowMs: 0 });
  const fence = granted?.type === 'granted' ? granted.fence : Number.NaN;
  t.true(isHeld(table, 'k', fence, 99));
  t.false(isHeld(table, 'k', fence, 100));
  t.false(isHeld(table, 'k', fence + 1, 0));
  t.false(isHeld(table, 'other', fence, 0));
});

test('decideLocks() tells when a lease ends, and nothing where it does not', (t) => {
  const table = createLockTable(limits, 0);
  const ends = (name: string, leaseMs: number, nowMs: number) => {
    const lock = { type: 'lock', request: 1, name, owner: 'a', mode: 'read', leaseMs, waitMs: 0 } as const;
    const [effect] = decideLocks(table, { ...lock, nowMs });
    return effect?.type === 'granted' ? effect.leaseEndsAtMs : undefined;
  };
  t.is(ends('k', 100, 0.5), 100);
  t.is(ends('k', 100, 50), 150);
  t.is(ends('l', 0, 0), null);
});
