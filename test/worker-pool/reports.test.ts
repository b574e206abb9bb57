import test from 'ava';
import { type CallId, toHostId, type UserName } from '../../proto/names.ts';
import { WarmReport, warmMax } from '../../src/hosts/warm.ts';
import { decide } from '../../src/worker-pool/decide.ts';
import { toHostStatus } from '../../src/worker-pool/reports.ts';
import { createPoolState, type PoolState, type Work } from '../../src/worker-pool/state.ts';

const identity = {
  host: toHostId('here'),
  instance: 'i',
  stores: { functions: 'f', state: 's' },
  cores: 2,
};

/** A pool with so many executors that are ready, and no other. */
function pool(executors = 1): PoolState {
  const state = createPoolState({
    executorsMax: executors,
    executorsSpare: executors,
    executorIdleMs: 1000,
    activeCallsMax: 100,
    activeCallsReserve: 0,
    queuedCallsMax: 100,
    busyAfterMs: 10,
    demotedAfterMs: 100,
    killGraceMs: 20,
    packedUs: 1_000_000,
    parallelExecutors: 1,
    isolatedExecutorsMax: 1,
    provenAfterCalls: 0,
  });
  decide(state, { type: 'tick', samples: [], nowMs: 0 });
  for (let executor = 1; executor <= executors; executor++) {
    decide(state, { type: 'ready', executor, nowMs: 0 });
  }
  return state;
}

const work = (id: string, more: Partial<Work> = {}): Work => ({
  id: id as CallId,
  user: 'ada' as UserName,
  name: 'ada/f',
  version: 'ada/f@1',
  deadlineMs: 100_000,
  root: id as CallId,
  chained: false,
  ...more,
});

const begin = (state: PoolState, each: Work) => decide(state, { type: 'call', work: each, nowMs: 0 });
const end = (state: PoolState, id: string, ranUs: number | undefined) =>
  decide(state, { type: 'ended', id: id as CallId, ranUs, nowMs: 0 });
const told = (state: PoolState, nowMs = 0) =>
  toHostStatus(identity, 'serving', state, { count: 0, bytes: 0, heldBytes: 0 }, new WarmReport(), nowMs);

test('toHostStatus() names programs that have run, and none that was only initialised', (t) => {
  const state = pool();
  begin(state, work('upload'));
  end(state, 'upload', undefined);
  t.deepEqual(told(state).warm.added, []);
  begin(state, work('call'));
  end(state, 'call', 40);
  t.deepEqual(told(state).warm.added, ['ada/f@1']);
  t.is(told(state).warmPrograms, 1);
});

test('toHostStatus() says what its calls will still compute, running and waiting ones', (t) => {
  const state = pool();
  begin(state, work('first'));
  end(state, 'first', 20_000);
  for (const id of ['a', 'b', 'c']) begin(state, work(id));
  begin(state, work('other', { user: 'bob' as UserName }));
  t.is(told(state).queuedCalls, 1);
  t.is(told(state).backlogUs, 4 * 20_000);
  decide(state, { type: 'waits', id: 'a' as CallId, nowMs: 0 });
  t.is(told(state).backlogUs, 3 * 20_000);
});

test('toHostStatus() takes a call that is inside its guest for long to take as long again', (t) => {
  const state = pool();
  begin(state, work('a'));
  const sample = { executor: 1, turn: 1, current: 'a' as CallId };
  decide(state, { type: 'tick', samples: [sample], nowMs: 0 });
  t.is(told(state, 30_000).backlogUs, 30_000_000);
});

test('toHostStatus() names so many programs at most', (t) => {
  const state = pool(2);
  for (let at = 0; at < 0.6 * warmMax; at++) {
    for (const user of ['ada', 'bob'] as UserName[])
      begin(state, work(user, { user, version: `${user}/f${at}@1` }));
    for (const user of ['ada', 'bob']) end(state, user, 1);
  }
  t.is(told(state).warmPrograms, warmMax);
});
