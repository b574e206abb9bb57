import test from 'ava';
import type { CallId, UserName } from '../../proto/names.ts';
import { decide, type PoolEffect, type PoolMessage } from '../../src/worker-pool/decide.ts';
import {
  activeCalls,
  activeOf,
  createPoolState,
  type PoolLimits,
  type PoolState,
  type Work,
} from '../../src/worker-pool/state.ts';
import { createRandom, type Random } from '../random.ts';

const limits: PoolLimits = {
  executorsMax: 4,
  executorsSpare: 1,
  executorIdleMs: 1000,
  activeCallsMax: 8,
  activeCallsReserve: 4,
  queuedCallsMax: 3,
  busyAfterMs: 10,
  demotedAfterMs: 100,
  killGraceMs: 20,
  packedUs: 5000,
  parallelExecutors: 2,
  isolatedExecutorsMax: 4,
  provenAfterCalls: 0,
};

const work = (id: string, user = 'ada', more: Partial<Work> = {}): Work => ({
  id: id as CallId,
  user: user as UserName,
  name: `${user}/f`,
  version: `${user}/f@1`,
  deadlineMs: 1000,
  root: id as CallId,
  chained: false,
  ...more,
});

/** A pool with this many executors ready. */
function ready(count: number, more: Partial<PoolLimits> = {}): PoolState {
  const state = createPoolState({ ...limits, executorsSpare: count, ...more });
  const started = decide(state, { type: 'tick', samples: [], nowMs: 0 }).filter(
    ({ type }) => type === 'start',
  );
  for (const effect of started)
    if (effect.type === 'start') decide(state, { type: 'ready', executor: effect.executor, nowMs: 0 });
  return state;
}

const call = (state: PoolState, each: Work, nowMs = 0): PoolEffect[] =>
  decide(state, { type: 'call', work: each, nowMs });
const posts = (effects: readonly PoolEffect[]) => effects.filter((effect) => effect.type === 'post');
const finishes = (effects: readonly PoolEffect[]) => effects.filter((effect) => effect.type === 'finish');

test('decide() posts a call to a ready executor at once', (t) => {
  const state = ready(1);
  t.deepEqual(posts(call(state, work('a'))), [{ type: 'post', executor: 1, id: 'a' as CallId }]);
});

test('decide() keeps a spare executor when one gets its first call', (t) => {
  const state = ready(1);
  t.deepEqual(call(state, work('a')).at(-1), { type: 'start', executor: 2 });
});

test('decide() queues a call while no executor is ready, and posts it when one is', (t) => {
  const state = createPoolState(limits);
  t.deepEqual(posts(call(state, work('a'))), []);
  t.is(posts(decide(state, { type: 'ready', executor: 1, nowMs: 0 })).length, 1);
});

test('decide() puts calls of one user on one executor, and of two users on two', (t) => {
  const state = ready(2);
  const placed = [work('a'), work('b'), work('c', 'bob')].flatMap((each) => posts(call(state, each)));
  t.deepEqual(
    placed.map((effect) => effect.type === 'post' && effect.executor),
    [1, 1, 2],
  );
});

test('decide() prefers an idle executor that has run the version', (t) => {
  const state = ready(3);
  call(state, work('a', 'ada'));
  call(state, work('b', 'bob'));
  for (const id of ['a', 'b']) decide(state, { type: 'ended', id: id as CallId, ranUs: 50, nowMs: 1 });
  const [post] = posts(call(state, work('c', 'bob')));
  t.like(post, { executor: 2 });
});

test('decide() leaves an executor for other users', (t) => {
  const state = ready(4, { executorsMax: 4 });
  for (const [at, id] of ['a', 'b', 'c'].entries()) {
    call(state, work(id));
    decide(state, { type: 'tick', nowMs: at * 20, samples: busy(state, at * 20) });
    decide(state, { type: 'tick', nowMs: at * 20 + 11, samples: busy(state, at) });
  }
  const used = new Set(
    [...state.executors.values()].filter(({ user }) => user !== undefined).map(({ id }) => id),
  );
  t.is(used.size, 2);
});

test('decide() withdraws what waits behind a long computation and places it elsewhere', (t) => {
  const state = ready(2);
  call(state, work('a'));
  call(state, work('b'));
  const samples = [{ executor: 1, turn: 1, current: 'a' as CallId }];
  decide(state, { type: 'tick', samples, nowMs: 1 });
  const effects = decide(state, { type: 'tick', samples, nowMs: 20 });
  t.deepEqual(effects[0], { type: 'withdraw', executor: 1, ids: ['b' as CallId] });
  t.like(posts(decide(state, { type: 'withdrawn', ids: ['b' as CallId], nowMs: 20 }))[0], {
    executor: 2,
    id: 'b',
  });
});

test('decide() asks nothing back of an executor on which nothing waits behind a long computation', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const samples = [{ executor: 1, turn: 1, current: 'a' as CallId }];
  for (const nowMs of [1, 20, 40]) {
    t.deepEqual(
      decide(state, { type: 'tick', samples, nowMs }).filter(({ type }) => type === 'withdraw'),
      [],
    );
  }
});

test('decide() answers a late call at its deadline and kills its executor after the grace', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const samples = [{ executor: 1, turn: 1, current: 'a' as CallId }];
  decide(state, { type: 'tick', samples, nowMs: 900 });
  t.like(finishes(decide(state, { type: 'tick', samples, nowMs: 1000 }))[0], {
    error: { code: 'deadline_exceeded' },
  });
  t.deepEqual(kills(decide(state, { type: 'tick', samples, nowMs: 1010 })), []);
  t.is(kills(decide(state, { type: 'tick', samples, nowMs: 1020 })).length, 1);
});

test('decide() does not kill the executor of a late call that waits', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const samples = [{ executor: 1, turn: 1, current: undefined }];
  decide(state, { type: 'tick', samples, nowMs: 1000 });
  t.deepEqual(kills(decide(state, { type: 'tick', samples, nowMs: 1500 })), []);
});

test('decide() gives a late call that comes back to its guest the grace anew', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const sample = (turn: number, current: CallId | undefined, nowMs: number) =>
    kills(decide(state, { type: 'tick', samples: [{ executor: 1, turn, current }], nowMs })).length;
  t.is(sample(1, undefined, 1000), 0);
  t.is(sample(2, 'a' as CallId, 1500), 0);
  t.is(sample(2, 'a' as CallId, 1519), 0);
  t.is(sample(2, 'a' as CallId, 1520), 1);
});

test('decide() places the calls that a lost executor had not begun again, and fails the others', (t) => {
  const state = ready(2);
  call(state, work('a'));
  call(state, work('b'));
  const effects = decide(state, {
    type: 'gone',
    executor: 1,
    why: 'x',
    exhausted: undefined,
    notBegun: ['b' as CallId],
    nowMs: 5,
  });
  t.like(finishes(effects)[0], { id: 'a', error: { code: 'executor_lost' } });
  t.like(posts(effects)[0], { executor: 2, id: 'b' });
});

test('decide() says of the call that used up the heap of its executor that it did', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const gone = {
    type: 'gone',
    executor: 1,
    why: 'x',
    exhausted: 'a' as CallId,
    notBegun: [],
    nowMs: 5,
  } as const;
  t.like(finishes(decide(state, gone))[0], { id: 'a', error: { code: 'guest_out_of_memory' } });
});

test('decide() queues beyond the active calls, then refuses', (t) => {
  const state = ready(1, { activeCallsMax: 1 });
  for (const id of ['a', 'b', 'c', 'd']) call(state, work(id));
  t.is(activeCalls(state), 1);
  t.like(finishes(call(state, work('e')))[0], { error: { code: 'too_many_requests' } });
});

test('decide() runs chained calls beyond the active calls, as their callers wait for them', (t) => {
  const state = ready(1, { activeCallsMax: 1 });
  call(state, work('a'));
  t.is(posts(call(state, work('b', 'ada', { chained: true }))).length, 1);
});

test('decide() posts a queued chained call before calls that queued earlier', (t) => {
  const state = ready(1, { activeCallsMax: 1, activeCallsReserve: 0, executorsMax: 1 });
  for (const id of ['a', 'b', 'c']) call(state, work(id));
  call(state, work('child', 'ada', { chained: true }));
  const ended = decide(state, { type: 'ended', id: 'a' as CallId, ranUs: 1, nowMs: 1 });
  t.like(posts(ended)[0], { id: 'child' });
});

test('decide() fills an executor whose calls wait', (t) => {
  const state = ready(2, { packedUs: 40 });
  t.like(posts(call(state, work('parent')))[0], { executor: 1 });
  t.like(posts(call(state, work('other')))[0], { executor: 2 });
  decide(state, { type: 'waits', id: 'parent' as CallId, nowMs: 1 });
  t.like(posts(call(state, work('child', 'ada', { chained: true })))[0], { executor: 1 });
});

test('decide() lets a call wait that found no room, while others take some', (t) => {
  const state = ready(1, { executorsMax: 1 });
  for (const id of ['a', 'b']) call(state, work(id));
  const error = { code: 'no_capacity', message: 'no room', details: {} } as const;
  t.deepEqual(finishes(decide(state, { type: 'full', id: 'b' as CallId, error, nowMs: 1 })), []);
  t.deepEqual(posts(call(state, work('c'), 2)), []);
  const later = decide(state, { type: 'tick', samples: [], nowMs: 100 });
  t.deepEqual(
    posts(later).map((effect) => effect.type === 'post' && effect.id),
    ['b', 'c'] as CallId[],
  );
  for (const id of ['a', 'c']) decide(state, { type: 'ended', id: id as CallId, ranUs: 1, nowMs: 100 });
  t.like(finishes(decide(state, { type: 'full', id: 'b' as CallId, error, nowMs: 101 }))[0], {
    id: 'b',
    error,
  });
  t.is(activeCalls(state), 0);
});

test('decide() refuses a call whose time is over on arrival', (t) => {
  const state = ready(1);
  t.like(finishes(call(state, work('a'), 1000))[0], { error: { code: 'deadline_exceeded' } });
  t.is(state.calls.size, 0);
});

test('decide() cancels a queued call and a posted one', (t) => {
  const state = ready(1, { activeCallsMax: 1 });
  call(state, work('a'));
  call(state, work('b'));
  t.deepEqual(
    decide(state, { type: 'cancel', id: 'b' as CallId, nowMs: 1 }).map(({ type }) => type),
    ['finish'],
  );
  const types = decide(state, { type: 'cancel', id: 'a' as CallId, nowMs: 1 }).map(({ type }) => type);
  t.deepEqual(types.slice(0, 3), ['finish', 'withdraw', 'cancel']);
});

test('decide() stops executors that were idle for long, but for the spare one', (t) => {
  const state = ready(3);
  const effects = decide({ ...state, limits }, { type: 'tick', samples: [], nowMs: 5000 });
  t.deepEqual(
    effects.map(({ type }) => type),
    ['stop', 'stop'],
  );
});

test('decide() fills an executor before it takes another, one for each core', (t) => {
  const state = ready(4, { packedUs: 100, executorsMax: 8 });
  const placed = Array.from({ length: 8 }, (_, at) => posts(call(state, work(`c${at}`)))[0]);
  t.deepEqual(
    placed.map((effect) => (effect?.type === 'post' ? effect.executor : undefined)),
    [1, 1, 2, 2, 1, 2, 1, 2],
  );
});

test('decide() lets unproven calls share once they are kept apart on many executors', (t) => {
  const state = ready(4, { provenAfterCalls: 1, isolatedExecutorsMax: 2, executorsMax: 8 });
  const placed = ['a', 'b', 'c'].map((id) => posts(call(state, work(id)))[0]);
  t.deepEqual(
    placed.map((effect) => (effect?.type === 'post' ? effect.executor : undefined)),
    [1, 2, 1],
  );
});

test('decide() keeps an unproven call apart from calls of other trees', (t) => {
  const state = ready(3, { provenAfterCalls: 1 });
  const parent = work('parent');
  t.like(posts(call(state, parent))[0], { executor: 1 });
  t.like(posts(call(state, work('child', 'ada', { root: parent.id })))[0], { executor: 1 });
  t.like(posts(call(state, work('other')))[0], { executor: 2 });
});

test('decide() keeps a proven call apart from an unproven one', (t) => {
  const state = ready(3, { provenAfterCalls: 1 });
  call(state, work('first'));
  decide(state, { type: 'ended', id: 'first' as CallId, ranUs: 50, nowMs: 1 });
  t.like(posts(call(state, work('unproven', 'ada', { version: 'ada/g@1' })))[0], { executor: 2 });
  t.like(posts(call(state, work('proven')))[0], { executor: 1 });
  t.like(posts(call(state, work('another')))[0], { executor: 1 });
});

test('decide() lets proven calls share an executor, and unproven ones when there is no other', (t) => {
  const state = ready(2, { provenAfterCalls: 1, executorsMax: 2 });
  call(state, work('a'));
  t.like(posts(call(state, work('b')))[0], { executor: 1 });
  for (const id of ['a', 'b']) decide(state, { type: 'ended', id: id as CallId, ranUs: 50, nowMs: 1 });
  call(state, work('c'));
  t.like(posts(call(state, work('d')))[0], { executor: 1 });
});

test('decide() leaves places to others, however many calls a user has', (t) => {
  const state = ready(2, { activeCallsMax: 80, activeCallsReserve: 20, queuedCallsMax: 100 });
  for (let at = 0; at < 200; at++) call(state, work(`e${at}`, 'eve', { chained: at % 2 === 0 }));
  t.is(activeOf(state, 'eve' as UserName), 96);
  t.is(posts(call(state, work('b', 'bob'))).length, 1);
});

test('decide() leaves room in the queue to others, however many calls a user has', (t) => {
  const state = ready(1, { activeCallsMax: 1, activeCallsReserve: 0, queuedCallsMax: 10 });
  const refused = Array.from({ length: 20 }, (_, at) => finishes(call(state, work(`e${at}`, 'eve')))).flat();
  t.is(refused.length, 11);
  t.regex(refused[0]?.type === 'finish' ? refused[0].error.message : '', /8 calls of eve.*QUEUED_CALLS_MAX/);
  t.deepEqual(finishes(call(state, work('b', 'bob'))), []);
});

test('decide() ends a call that may not go on with the reason', (t) => {
  const state = ready(1);
  call(state, work('a'));
  const error = { code: 'chain_refused', message: 'too many', details: {} } as const;
  const effects = decide(state, { type: 'refused', id: 'a' as CallId, error, nowMs: 1 });
  t.like(finishes(effects)[0], { id: 'a', error });
});

test('decide() lets the calls of other users be posted when one user finds no room', (t) => {
  const state = ready(2);
  for (const id of ['a', 'b']) call(state, work(id, 'eve'));
  const error = { code: 'no_capacity', message: 'no room', details: {} } as const;
  decide(state, { type: 'full', id: 'b' as CallId, error, nowMs: 1 });
  t.is(posts(call(state, work('c', 'bob'), 2)).length, 1);
});

/** Has the call killed for being late, and gives the executor that comes in place of its own. */
function killed(state: PoolState, each: Work): void {
  call(state, each);
  const executor = state.calls.get(each.id)!.executor!;
  const samples = [{ executor, turn: 1, current: each.id }];
  for (const nowMs of [900, 1000, 1020]) decide(state, { type: 'tick', samples, nowMs });
  decide(state, { type: 'gone', executor, why: 'x', exhausted: undefined, notBegun: [], nowMs: 1020 });
}

const noRoom = { code: 'no_capacity', message: 'no room', details: {} } as const;

const loop = (id: string) => work(id, 'eve', { version: 'eve/loop@1', deadlineMs: 2000 });

test('decide() leaves the last idle executor to others when a program had to be killed', (t) => {
  const state = ready(2);
  killed(state, { ...loop('a'), deadlineMs: 1000 });
  const suspect = call(state, loop('b'), 1100);
  t.deepEqual(posts(suspect), []);
  t.deepEqual(
    suspect.filter(({ type }) => type === 'start'),
    [{ type: 'start', executor: 4 }],
  );
  t.is(posts(call(state, work('c', 'bob', { deadlineMs: 2000 }), 1100)).length, 1);
  t.deepEqual(posts(decide(state, { type: 'ready', executor: 3, nowMs: 1110 })), []);
  t.like(posts(decide(state, { type: 'ready', executor: 4, nowMs: 1120 }))[0], { id: 'b' });
});

test('decide() leaves the last idle executor to others when a user has unproven calls on one', (t) => {
  const state = ready(2, { provenAfterCalls: 1 });
  t.is(posts(call(state, work('a'))).length, 1);
  t.deepEqual(posts(call(state, work('b'))), []);
  t.is(posts(call(state, work('c', 'bob'))).length, 1);
});

test('decide() gives a program that has to be started an executor that is warm for nobody', (t) => {
  const state = ready(2);
  call(state, work('a'));
  decide(state, { type: 'ended', id: 'a' as CallId, ranUs: 1, nowMs: 1 });
  t.like(posts(call(state, work('b', 'bob')))[0], { executor: 2 });
});

test('decide() has an executor give way while it computes for long', (t) => {
  const state = ready(1, { demotedAfterMs: 15 });
  call(state, work('a'));
  const sample = (turn: number, nowMs: number) =>
    decide(state, {
      type: 'tick',
      samples: [{ executor: 1, turn, current: 'a' as CallId }],
      nowMs,
    }).filter(({ type }) => type === 'demote');
  t.deepEqual(sample(1, 0), []);
  t.deepEqual(sample(1, 10), []);
  t.deepEqual(sample(1, 20), [{ type: 'demote', executor: 1, demoted: true }]);
  t.deepEqual(sample(1, 30), []);
  t.deepEqual(sample(2, 40), [{ type: 'demote', executor: 1, demoted: false }]);
});

test('decide() keeps its invariants in random histories', (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const problem = simulate(createRandom(seed));
    if (problem !== undefined) t.fail(`seed ${seed}: ${problem}`);
  }
  t.pass();
});

function busy(state: PoolState, turn: number) {
  return [...state.executors.values()]
    .filter(({ calls }) => calls.size > 0)
    .map(({ id, calls }) => ({ executor: id, turn, current: [...calls][0] }));
}

function kills(effects: readonly PoolEffect[]): PoolEffect[] {
  return effects.filter(({ type }) => type === 'kill');
}

/** A world of executors with virtual time; gives what went wrong, if anything. */
function simulate(random: Random): string | undefined {
  const state = createPoolState({ ...limits, provenAfterCalls: random.below(3) });
  const executors = new Map<number, CallId[]>();
  const turns = new Map<number, number>();
  const open = new Set<CallId>();
  let nowMs = 0;
  let lastCall = 0;
  let problem: string | undefined;
  const fail = (text: string) => {
    problem ??= `at ${nowMs} ms: ${text}`;
  };

  const step = (message: PoolMessage): void => {
    for (const effect of decide(state, message)) perform(effect);
    if (state.executors.size > limits.executorsMax) fail('too many executors');
    for (const { byUser, length } of [state.queues.chained, state.queues.roots]) {
      if (length !== [...byUser.values()].flat().length) fail('a queue count is off');
    }
    const active = [...state.calls.values()].filter(({ executor }) => executor !== undefined);
    if (state.active !== active.length) fail('the count of active calls is off');
    for (const [user, count] of state.activeByUser) {
      if (count !== active.filter(({ work: each }) => each.user === user).length)
        fail(`the count of ${user} is off`);
    }
    for (const executor of state.executors.values()) {
      const own = active.filter((each) => each.executor === executor.id);
      const expectedUs = own.reduce((sum, each) => sum + each.expectedUs, 0);
      if (own.length !== executor.calls.size) fail('an executor has other calls than say so');
      if ((executor.user === undefined) !== (own.length === 0)) fail('an executor is of nobody, or not');
      if (executor.unproven !== own.filter((each) => each.unproven).length)
        fail('unproven calls are miscounted');
      if (Math.abs(executor.expectedUs - expectedUs) > 1e-6) fail('what an executor computes is miscounted');
    }
  };

  const perform = (effect: PoolEffect): void => {
    if (effect.type === 'start') executors.set(effect.executor, []);
    if (effect.type === 'stop' || effect.type === 'kill') lose(effect.executor);
    if (effect.type === 'finish' && !open.delete(effect.id)) fail(`${effect.id} was answered twice`);
    if (effect.type === 'post') {
      const { version } = state.calls.get(effect.id)!.work;
      const isLastIdle = executors.get(effect.executor)?.length === 0 && !hasIdle(effect.executor);
      if (isLastIdle && state.records.get(version)?.ended === Number.NEGATIVE_INFINITY)
        fail(`${effect.id} got the last idle executor`);
      const calls = executors.get(effect.executor);
      if (calls === undefined) {
        fail(`${effect.id} was posted to executor ${effect.executor}, which is gone`);
        return;
      }
      const owner = (id: CallId) => id.split('-')[0];
      if (calls.some((id) => owner(id) !== owner(effect.id))) fail('two users share an executor');
      calls.push(effect.id);
      const posted = [...executors.values()].flat().filter((id) => owner(id) === owner(effect.id));
      if (posted.length >= limits.activeCallsMax + limits.activeCallsReserve) fail('a user has all places');
    }
    if (effect.type === 'withdraw') {
      const calls = executors.get(effect.executor) ?? [];
      const ids = effect.ids.filter((id) => calls.indexOf(id) > 0);
      executors.set(
        effect.executor,
        calls.filter((id) => !ids.includes(id)),
      );
      if (ids.length > 0) step({ type: 'withdrawn', ids, nowMs });
    }
  };

  const hasIdle = (except: number): boolean =>
    [...executors].some(
      ([id, calls]) => id !== except && calls.length === 0 && state.executors.get(id)?.ready === true,
    );

  const lose = (executor: number): void => {
    const calls = executors.get(executor) ?? [];
    executors.delete(executor);
    step({ type: 'gone', executor, why: 'lost', exhausted: undefined, notBegun: calls.slice(1), nowMs });
  };

  const endFirst = (executor: number): void => {
    const id = executors.get(executor)?.shift();
    if (id === undefined) return;
    turns.set(executor, (turns.get(executor) ?? 0) + 1);
    open.delete(id);
    step({ type: 'ended', id, ranUs: random.below(10_000), nowMs });
  };

  /** Its first call waits for others, or its last one found no room. */
  const waitOrBeFull = (executor: number): void => {
    const calls = executors.get(executor) ?? [];
    const [first] = calls;
    if (first === undefined) return;
    if (calls.length === 1 || random.below(2) === 0) step({ type: 'waits', id: first, nowMs });
    else step({ type: 'full', id: calls.pop()!, error: noRoom, nowMs });
  };

  const tick = (): void => {
    const samples = [...executors].map(([executor, calls]) => ({
      executor,
      turn: turns.get(executor) ?? 0,
      current: calls[0],
    }));
    step({ type: 'tick', samples, nowMs });
  };

  const readyOne = (): void => {
    const starting = [...state.executors.values()].find(
      (executor) => !executor.ready && executors.has(executor.id),
    );
    if (starting !== undefined) step({ type: 'ready', executor: starting.id, nowMs });
  };

  for (let at = 0; at < 400 && problem === undefined; at++) {
    nowMs += random.below(8);
    const kind = random.below(14);
    const anyExecutor = () => random.pick([...executors.keys(), 0]);
    if (kind < 5) {
      const user = random.pick(['ada', 'bob', 'cy', 'di', 'eve']);
      const each = work(`${user}-${++lastCall}`, user, {
        deadlineMs: nowMs + 1 + random.below(300),
        chained: random.below(4) === 0,
      });
      open.add(each.id);
      step({ type: 'call', work: each, nowMs });
    } else if (kind < 8) endFirst(anyExecutor());
    else if (kind < 9) readyOne();
    else if (kind < 11) tick();
    else if (kind < 12) waitOrBeFull(anyExecutor());
    else if (random.below(5) === 0) lose(anyExecutor());
    else if (open.size > 0) step({ type: 'cancel', id: random.pick([...open]), nowMs });
  }
  // Left alone, everything ends: executors get ready, calls run, late ones are answered.
  for (let at = 0; at < 2000 && problem === undefined && state.calls.size > 0; at++) {
    nowMs += 5;
    readyOne();
    tick();
    for (const executor of [...executors.keys()]) endFirst(executor);
  }
  if (problem === undefined && open.size > 0) fail(`${open.size} calls were never answered`);
  nowMs += 100;
  tick();
  const { activeByUser, fullUntilMs, queues } = state;
  const left = [activeByUser, fullUntilMs, queues.chained.byUser, queues.roots.byUser];
  if (left.some(({ size }) => size > 0)) fail('something is kept of users without calls');
  return problem;
}
