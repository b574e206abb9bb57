import test from 'ava';
import { toUserName } from '../../../proto/names.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createStateCore, decide, isIdle, type StateEffect } from '../../../src/state/core/decide.ts';
import { countPushes, createPushSchedule, decidePushes } from '../../../src/state/core/pushes.ts';
import { account, charge, createQuota, isKnown, learn } from '../../../src/state/core/quota.ts';
import { createRandom } from '../../random.ts';

const user = toUserName('ann');
const limits = {
  ...loadConfig().state,
  valueMaxBytes: 100,
  userMaxBytes: 250,
  uploadsPerUserMax: 2,
  uploadIdleMs: 50,
};

function start() {
  const core = createStateCore(limits, 0);
  learn(core.quota, user, 0);
  const part = (
    upload: string,
    byteLength: number,
    more: { offset?: number; commitBytes?: number } = {},
    nowMs = 0,
  ) =>
    decide(core, {
      type: 'part',
      user,
      upload,
      offset: more.offset,
      byteLength,
      commitBytes: more.commitBytes,
      nowMs,
    });
  return { core, part, used: () => core.quota.users.get(user) };
}

const told = (effects: StateEffect[]) =>
  effects.map((effect) =>
    effect.type === 'stage'
      ? `stage ${effect.offset}`
      : effect.type === 'refuse'
        ? `refuse ${effect.error.code}`
        : effect.type,
  );

test('decide() takes the parts of an upload one behind the other', (t) => {
  const { part, used } = start();
  t.deepEqual(told(part('u', 30)), ['stage 0']);
  t.deepEqual(told(part('u', 30)), ['stage 30']);
  t.deepEqual(told(part('u', 30, { offset: 60 })), ['stage 60']);
  t.is(used(), 90);
});

test('decide() takes a part that is sent again, and charges it once', (t) => {
  const { part, used } = start();
  part('u', 30);
  t.deepEqual(told(part('u', 30, { offset: 0 })), ['stage 0']);
  t.is(used(), 30);
});

test('decide() refuses a part that leaves a gap, and a commit of another size', (t) => {
  const { part } = start();
  part('u', 30);
  t.deepEqual(told(part('u', 30, { offset: 31 })), ['refuse conflict']);
  t.deepEqual(told(part('u', 10, { commitBytes: 41 })), ['refuse conflict']);
  t.deepEqual(told(part('u', 10, { commitBytes: 40 })), ['stage 30']);
});

test('decide() bounds the uploads of a user', (t) => {
  const { part, core } = start();
  part('a', 1);
  part('b', 1);
  t.deepEqual(told(part('c', 1)), ['refuse too_many_requests']);
  decide(core, { type: 'uploadEnded', user, upload: 'a' });
  t.deepEqual(told(part('c', 1)), ['stage 0']);
});

test('decide() ends an upload that is too large for a value or for the user, and takes its charge back', (t) => {
  const { part, used, core } = start();
  part('u', 60);
  t.deepEqual(told(part('u', 60)), ['discard', 'refuse too_large']);
  t.is(used(), 0);
  account(core.quota, user, 200);
  t.deepEqual(told(part('u', 60)), ['discard', 'refuse too_large']);
  t.is(used(), 200);
});

test('decide() forgets an upload that has got no part for long', (t) => {
  const { part, used, core } = start();
  part('u', 60, {}, 0);
  t.deepEqual(decide(core, { type: 'tick', nowMs: 49 }), []);
  t.deepEqual(told(decide(core, { type: 'tick', nowMs: 50 })), ['discard']);
  t.is(used(), 0);
  t.true(isIdle(core));
});

test('decide() gives fencing numbers that grow across restarts', (t) => {
  const fenceAt = (nowMs: number) => {
    const core = createStateCore(limits, nowMs);
    const lock = {
      type: 'lock',
      request: 1,
      name: 'k',
      owner: 'a',
      mode: 'read',
      leaseMs: 0,
      waitMs: 0,
    } as const;
    const [effect] = decide(core, { ...lock, nowMs });
    return effect?.type === 'granted' ? effect.fence : Number.NaN;
  };
  t.true(fenceAt(1_700_000_000_001) > fenceAt(1_700_000_000_000));
  t.true(Number.isSafeInteger(fenceAt(4_000_000_000_000)));
});

test('charge() refuses what is beyond the value or the user, and says what to do', (t) => {
  const quota = createQuota(limits);
  t.is(charge(quota, user, 'ann/k', 100, 100), undefined);
  t.is(charge(quota, user, 'ann/k', 1, 101)?.code, 'too_large');
  t.is(charge(quota, user, 'ann/l', 100, 100), undefined);
  t.regex(charge(quota, user, 'ann/m', 51, 51)?.message ?? '', /FAASM_STATE_PER_USER_MAX_BYTES/);
  t.is(charge(quota, user, 'ann/m', 50, 50), undefined);
  t.is(charge(quota, user, 'ann/m', -50, 0), undefined);
});

test('learn() says what a user has at the start, and not again', (t) => {
  const quota = createQuota(limits);
  t.false(isKnown(quota, user));
  learn(quota, user, 200);
  t.true(isKnown(quota, user));
  charge(quota, user, 'ann/k', 10, 10);
  learn(quota, user, 0);
  t.is(quota.users.get(user), 210);
});

test('charge() lets a value pass that takes no more room, of a user who has too much already', (t) => {
  const quota = createQuota(limits);
  account(quota, user, limits.userMaxBytes + 1);
  t.is(charge(quota, user, 'ann/k', 0, 50), undefined);
  t.is(charge(quota, user, 'ann/k', 1, 50)?.code, 'too_large');
});

test('decidePushes() pushes once after the delay, and again what was changed meanwhile', (t) => {
  const schedule = createPushSchedule({ pushDelayMs: 100, pushRetryMs: 500, pushRetryMaxMs: 800 });
  const tick = (nowMs: number) => decidePushes(schedule, { type: 'tick', nowMs }).length;
  const dirtied = (nowMs: number) => decidePushes(schedule, { type: 'dirtied', name: 'k', nowMs });
  const pushed = (ok: boolean, nowMs: number) =>
    decidePushes(schedule, { type: 'pushed', name: 'k', ok, nowMs });
  dirtied(0);
  dirtied(90);
  t.deepEqual([tick(99), tick(100), tick(101)], [0, 1, 0]);
  dirtied(110);
  pushed(true, 120);
  t.deepEqual([tick(219), tick(220)], [0, 1]);
  pushed(true, 230);
  t.is(schedule.due.size, 0);
});

test('countPushes() counts what is due, and what of it has failed', (t) => {
  const schedule = createPushSchedule({ pushDelayMs: 100, pushRetryMs: 500, pushRetryMaxMs: 800 });
  for (const name of ['k', 'l']) decidePushes(schedule, { type: 'dirtied', name, nowMs: 0 });
  t.deepEqual(countPushes(schedule), { waiting: 2, failing: 0 });
  decidePushes(schedule, { type: 'tick', nowMs: 100 });
  decidePushes(schedule, { type: 'pushed', name: 'k', ok: false, nowMs: 100 });
  decidePushes(schedule, { type: 'pushed', name: 'l', ok: true, nowMs: 100 });
  t.deepEqual(countPushes(schedule), { waiting: 1, failing: 1 });
});

test('decidePushes() tries a failed push again, later each time', (t) => {
  const schedule = createPushSchedule({ pushDelayMs: 100, pushRetryMs: 500, pushRetryMaxMs: 800 });
  decidePushes(schedule, { type: 'dirtied', name: 'k', nowMs: 0 });
  const triedAt: number[] = [];
  for (let nowMs = 0; nowMs < 3000; nowMs++) {
    for (const { name } of decidePushes(schedule, { type: 'tick', nowMs })) {
      triedAt.push(nowMs);
      decidePushes(schedule, { type: 'pushed', name, ok: false, nowMs });
    }
  }
  t.deepEqual(triedAt, [100, 600, 1400, 2200]);
});

for (const seed of [11, 12, 13]) {
  test(`decide() charges a user what is staged, whatever happens (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const { core, part, used } = start();
    let nowMs = 0;
    for (let step = 0; step < 2000; step++) {
      nowMs += random.below(10);
      const upload = `u${random.below(4)}`;
      const kind = random.below(8);
      if (kind === 0) decide(core, { type: 'tick', nowMs });
      else if (kind === 1) decide(core, { type: 'uploadEnded', user, upload });
      else part(upload, random.below(60), random.below(2) === 0 ? {} : { offset: random.below(80) }, nowMs);
      const staged = [...(core.uploads.users.get(user)?.values() ?? [])];
      const bytes = staged.reduce((sum, { endBytes }) => sum + endBytes, 0);
      t.is(used(), bytes);
      t.true(bytes <= limits.userMaxBytes && staged.length <= limits.uploadsPerUserMax);
    }
  });
}
