import test from 'ava';
import type { CallError } from '../../proto/call.ts';
import { type ErrorCode, errorTable } from '../../proto/errors.ts';
import { type CallId, toUserName, type UserName } from '../../proto/names.ts';
import {
  type CallLimits,
  type CallsEffect,
  type CallsMessage,
  createCallsState,
  decide,
  nextTickMs,
} from '../../src/calls/decide.ts';
import { createRandom } from '../random.ts';

const limits: CallLimits = {
  runningMax: 2,
  queuedPerUserMax: 3,
  queuedMax: 100,
  attemptsMax: 3,
  retryMs: 100,
  retryMaxMs: 150,
};
const ann = toUserName('ann');
const bob = toUserName('bob');
const error = (code: ErrorCode, details: CallError['details'] = {}): CallError => ({
  code,
  message: code,
  details,
});

function start(more: Partial<CallLimits> = {}) {
  const state = createCallsState({ ...limits, ...more });
  const tell = (message: CallsMessage) => decide(state, message).map(describe);
  return {
    state,
    tell,
    submit(user: UserName, id: string): string[] {
      const refused = tell({ type: 'arrived', user });
      return refused.length > 0 ? refused : tell({ type: 'queued', user, id: id as CallId });
    },
    ended: (id: string, code?: ErrorCode, { attempts = 1, nowMs = 0, details = {} } = {}) =>
      tell({ type: 'ended', id: id as CallId, attempts, error: code && error(code, details), nowMs }),
  };
}

function describe(effect: CallsEffect): string {
  switch (effect.type) {
    case 'refuse':
      return `refuse ${effect.error.code}`;
    case 'finish':
      return `finish ${effect.id} ${effect.state}`;
    case 'retry':
      return `retry ${effect.id} at ${effect.notBeforeMs}`;
    default:
      return `${effect.type} ${effect.id}`;
  }
}

test('decide() runs so many at once, and the next when one ends', (t) => {
  const { submit, ended } = start();
  t.deepEqual(submit(ann, 'a1'), ['run a1']);
  t.deepEqual(submit(ann, 'a2'), ['run a2']);
  t.deepEqual(submit(ann, 'a3'), []);
  t.deepEqual(ended('a1'), ['finish a1 succeeded', 'run a3']);
  t.deepEqual(ended('a1'), []);
});

test('decide() lets users take turns', (t) => {
  const { submit, ended } = start({ runningMax: 1 });
  for (const id of ['a1', 'a2', 'a3', 'a4']) submit(ann, id);
  for (const id of ['b1', 'b2']) submit(bob, id);
  const order = ['a1'];
  for (let run = 0; run < 6; run++) {
    const [, next] = ended(order.at(-1)!);
    if (next !== undefined) order.push(next.replace('run ', ''));
  }
  t.deepEqual(order, ['a1', 'a2', 'b1', 'a3', 'b2', 'a4']);
});

test('decide() refuses a user with too many queued, and no other', (t) => {
  const { submit, tell, ended } = start();
  for (const id of ['a1', 'a2', 'a3', 'a4', 'a5']) submit(ann, id);
  t.deepEqual(submit(ann, 'a6'), ['refuse too_many_requests']);
  t.deepEqual(submit(bob, 'b1'), []);
  ended('a1');
  t.deepEqual(tell({ type: 'arrived', user: ann }), []);
  t.deepEqual(tell({ type: 'arrived', user: ann }), ['refuse too_many_requests']);
  tell({ type: 'notQueued', user: ann });
  t.deepEqual(tell({ type: 'arrived', user: ann }), []);
});

test('decide() refuses all users when too many are queued', (t) => {
  const { submit } = start({ queuedMax: 1, runningMax: 0 });
  submit(ann, 'a1');
  t.deepEqual(submit(bob, 'b1'), ['refuse too_many_requests']);
});

const becomes = test.macro({
  exec(t, code: ErrorCode, attempts: number, expected: string) {
    const { submit, ended } = start();
    submit(ann, 'c');
    t.deepEqual(ended('c', code, { attempts, nowMs: 1000 }), [expected]);
  },
  title: (_, code, attempts, expected) => `decide() on ${code} in attempt ${attempts}: ${expected}`,
});

test(becomes, 'guest_returned', 1, 'finish c failed');
test(becomes, 'guest_trapped', 1, 'finish c failed');
test(becomes, 'guest_threw', 1, 'finish c failed');
test(becomes, 'guest_stack_overflow', 1, 'finish c failed');
test(becomes, 'guest_out_of_memory', 1, 'finish c failed');
test(becomes, 'not_found', 1, 'finish c failed');
test(becomes, 'cancelled', 1, 'finish c cancelled');
test(becomes, 'no_capacity', 1, 'retry c at 1100');
test(becomes, 'executor_lost', 2, 'retry c at 1150');
test(becomes, 'executor_lost', 3, 'finish c dead');

for (const [code, { retry }] of Object.entries(errorTable)) {
  test(`decide() tries again after ${code}: ${retry}`, (t) => {
    const { submit, ended } = start();
    submit(ann, 'c');
    t.is(ended('c', code as ErrorCode)[0]?.startsWith('retry'), retry);
  });
}

test('decide() waits as long as the error says, within its own limit', (t) => {
  const { submit, ended } = start();
  submit(ann, 'a');
  submit(ann, 'b');
  t.deepEqual(ended('a', 'no_capacity', { details: { retryAfterMs: 120 } }), ['retry a at 120']);
  t.deepEqual(ended('b', 'no_capacity', { details: { retryAfterMs: 99_999 } }), ['retry b at 150']);
});

test('decide() runs a delayed call when its time has come', (t) => {
  const { submit, ended, tell, state } = start();
  t.is(nextTickMs(state), Number.POSITIVE_INFINITY);
  submit(ann, 'a');
  ended('a', 'no_capacity', { nowMs: 1000 });
  t.is(nextTickMs(state), 1100);
  t.deepEqual(tell({ type: 'tick', nowMs: 1099 }), []);
  t.deepEqual(tell({ type: 'tick', nowMs: 1100 }), ['run a']);
});

test('decide() forgets a cancelled call that waits, and interrupts one that runs', (t) => {
  const { submit, ended, tell } = start({ runningMax: 1 });
  for (const id of ['a1', 'a2', 'a3']) submit(ann, id);
  t.deepEqual(tell({ type: 'cancelled', id: 'a2' as CallId }), []);
  t.deepEqual(tell({ type: 'cancelled', id: 'a1' as CallId }), ['interrupt a1']);
  t.deepEqual(ended('a1', 'cancelled'), ['finish a1 cancelled', 'run a3']);
  ended('a3', 'no_capacity');
  tell({ type: 'cancelled', id: 'a3' as CallId });
  t.deepEqual(tell({ type: 'tick', nowMs: 10_000 }), []);
});

test('decide() runs the next call in place of one that vanished', (t) => {
  const { submit, tell } = start({ runningMax: 1 });
  for (const id of ['a1', 'a2']) submit(ann, id);
  t.deepEqual(tell({ type: 'vanished', id: 'a1' as CallId }), ['run a2']);
});

test('decide() runs what has waited long enough, whichever call began to wait first', (t) => {
  const { submit, ended, tell } = start();
  for (const id of ['late', 'soon']) submit(ann, id);
  ended('late', 'no_capacity', { nowMs: 1000 });
  ended('soon', 'no_capacity', { nowMs: 500 });
  t.deepEqual(tell({ type: 'tick', nowMs: 700 }), ['run soon']);
  t.deepEqual(tell({ type: 'tick', nowMs: 1100 }), ['run late']);
});

test('decide() counts what was pending among the queued calls of its user', (t) => {
  const { tell } = start();
  const calls = ['a', 'b', 'c'].map((id) => ({ id: id as CallId, user: ann, attempts: 1, notBeforeMs: 900 }));
  tell({ type: 'recovered', calls, nowMs: 500 });
  t.deepEqual(tell({ type: 'arrived', user: ann }), ['refuse too_many_requests']);
});

test('decide() goes on with what was pending, and gives up what was tried too often', (t) => {
  const { tell, state } = start({ runningMax: 10 });
  const call = (id: string, attempts: number, notBeforeMs: number) => ({
    id: id as CallId,
    user: ann,
    attempts,
    notBeforeMs,
  });
  const calls = [
    call('fresh', 0, 0),
    call('interrupted', 2, 0),
    call('worn', 3, 0),
    call('due', 1, 500),
    call('later', 1, 900),
  ];
  t.deepEqual(tell({ type: 'recovered', calls, nowMs: 500 }), [
    'finish worn dead',
    'run fresh',
    'run interrupted',
    'run due',
  ]);
  t.is(nextTickMs(state), 900);
});

test('decide() runs nothing more once it is stopped', (t) => {
  const { submit, ended, tell } = start({ runningMax: 1 });
  submit(ann, 'a1');
  submit(ann, 'a2');
  tell({ type: 'stop' });
  t.deepEqual(ended('a1'), ['finish a1 succeeded']);
});

test('decide() leaves to the next run what still runs when it is stopped for good', (t) => {
  const { submit, ended, tell, state } = start({ runningMax: 2 });
  for (const id of ['a1', 'a2', 'a3']) submit(ann, id);
  ended('a1', 'no_capacity', { nowMs: 1000 });
  t.is(nextTickMs(state), 1100);
  tell({ type: 'stop' });
  t.is(nextTickMs(state), Number.POSITIVE_INFINITY);
  t.deepEqual(tell({ type: 'left' }), []);
  t.deepEqual(ended('a2'), []);
  t.deepEqual(ended('a3', 'executor_lost', { attempts: 3 }), []);
  t.deepEqual(tell({ type: 'cancelled', id: 'a2' as CallId }), []);
});

for (const seed of [21, 22, 23, 24]) {
  test(`decide() keeps its limits and its count, runs nothing after its end and loses nothing (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const state = createCallsState({ ...limits, runningMax: 4, queuedPerUserMax: 10 });
    const users = ['u0', 'u1', 'u2'].map((name) => toUserName(name));
    const attempts = new Map<CallId, number>();
    const finished = new Set<CallId>();
    const gone = new Set<CallId>();
    let submitted = 0;
    let nowMs = 0;
    const tell = (message: CallsMessage) => {
      const effects = decide(state, message);
      for (const effect of effects) {
        if (effect.type === 'run') {
          if (finished.has(effect.id) || gone.has(effect.id)) t.fail(`${effect.id} runs after its end`);
          attempts.set(effect.id, (attempts.get(effect.id) ?? 0) + 1);
        }
        if (effect.type === 'finish') finished.add(effect.id);
      }
      if (state.running.size > state.limits.runningMax) t.fail('too many run');
      const delayed = [...state.delayed.values()];
      const total = [...state.queued.values()].reduce((sum, count) => sum + count, 0);
      t.is(total, state.queuedTotal);
      t.is(total, state.ready.size + delayed.length);
      if (state.ready.size > 0 && state.running.size < state.limits.runningMax)
        t.fail('a call waits for nothing');
      return effects;
    };
    for (let stepNumber = 0; stepNumber < 4000; stepNumber++) {
      nowMs += random.below(30);
      const running = [...state.running.keys()];
      const kind = random.below(10);
      if (kind < 5) {
        if (submit(random.pick(users))) submitted++;
      } else if (kind < 8 && running.length > 0) {
        const id = random.pick(running);
        const code = random.pick(['no_capacity', 'guest_trapped', undefined, undefined] as const);
        const failed = code === undefined ? undefined : error(code);
        tell({ type: 'ended', id, attempts: attempts.get(id)!, error: failed, nowMs });
      } else if (kind === 8) tell({ type: 'tick', nowMs });
      else {
        const id = `c${random.below(submitted)}` as CallId;
        if (submitted === 0) continue;
        if (!state.running.has(id) && !finished.has(id)) gone.add(id);
        tell({ type: 'cancelled', id });
      }
    }
    function submit(user: UserName): boolean {
      if (decide(state, { type: 'arrived', user }).length > 0) return false;
      const id = `c${submitted}` as CallId;
      tell({ type: 'queued', user, id });
      return true;
    }
    for (const count of attempts.values()) t.true(count <= limits.attemptsMax);
    for (let end = 0; end < 10_000 && (state.running.size > 0 || state.queuedTotal > 0); end++) {
      nowMs += 1000;
      tell({ type: 'tick', nowMs });
      for (const id of [...state.running.keys()]) {
        tell({ type: 'ended', id, attempts: attempts.get(id)!, error: undefined, nowMs });
      }
    }
    t.is(finished.size + gone.size, submitted);
    t.is(state.queued.size, 0);
  });
}
