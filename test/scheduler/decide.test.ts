import test from 'ava';
import type { Call } from '../../proto/call.ts';
import type { FunctionChanged, HostStatus } from '../../proto/messages.ts';
import type { CallId, FunctionName, HostId, UserName } from '../../proto/names.ts';
import {
  createSchedulerState,
  decide,
  type SchedulerEffect,
  type SchedulerMessage,
  type SchedulerState,
} from '../../src/scheduler/decide.ts';
import { createRandom } from '../random.ts';
import { status } from './_status.ts';

const limits = {
  callsPerUserMax: 3,
  inputMaxBytes: 10,
  hostSilentMs: 3000,
  awayUs: 5000,
  awayUsPerByte: 0.01,
  coldUs: 20_000,
};
const here = 'here' as HostId;
const self = { host: here, instance: 'here-1', store: 'shared' };
const change: FunctionChanged = {
  user: 'ada' as UserName,
  name: 'f' as FunctionName,
  version: '1',
  revision: 1,
  store: 'shared',
};

const call = (id: string, more: Partial<Call> = {}): Call => ({
  id: id as CallId,
  user: 'ada' as UserName,
  function: 'f' as FunctionName,
  input: new Uint8Array(0),
  rootId: id as CallId,
  depth: 0,
  deadlineMs: 1000,
  ...more,
});

/** @param seed of the random numbers */
function scheduler(statuses: readonly HostStatus[] = [status('here')], seed = 1): SchedulerState {
  const random = createRandom(seed);
  const state = createSchedulerState(self, limits, () => random.below(1000) / 1000);
  decide(state, { type: 'changed', change });
  for (const each of statuses) decide(state, { type: 'status', status: each, nowMs: 0 });
  return state;
}

const invoke = (state: SchedulerState, each: Call, nowMs = 0) =>
  decide(state, { type: 'invoke', call: each, nowMs });

const hostOf = (effect: SchedulerEffect | undefined): string | undefined =>
  effect?.type === 'place' ? effect.host : undefined;

/** A host with so much to compute. */
const loaded = (ms: number, more: Partial<HostStatus> = {}): Partial<HostStatus> => ({
  backlogUs: ms * 1000,
  ...more,
});
const warm = { warm: { whole: true, added: ['ada/f@1'], removed: [] } };

const placing = test.macro({
  exec(t, statuses: readonly HostStatus[], expected: string, nowMs: number) {
    for (let seed = 1; seed <= 20; seed++) {
      t.is(hostOf(invoke(scheduler(statuses, seed), call('a'), nowMs)), expected, `seed ${seed}`);
    }
  },
  title: (about = '') => `decide() places a call ${about}`,
});

test('here when nothing is known', placing, [], 'here', 0);
test('here when a warm Faaslet is here', placing, [status('here', warm), status('b', warm)], 'here', 0);
test('here cold rather than elsewhere warm', placing, [status('here'), status('b', warm)], 'here', 0);
test('here with a large input though it would begin sooner elsewhere', (t) => {
  const state = scheduler([status('here', loaded(30)), status('b', warm)]);
  const roomy = { ...state, limits: { ...limits, inputMaxBytes: 2 ** 24 } };
  t.is(hostOf(invoke(roomy, call('a', { input: new Uint8Array(2 ** 20) }))), 'b');
  t.is(hostOf(invoke(roomy, call('b', { input: new Uint8Array(2 ** 22) }))), 'here');
});
test(
  'here while it begins soon here',
  placing,
  [status('here', loaded(9, { cores: 2 })), status('b', warm)],
  'here',
  0,
);
test(
  'where a warm Faaslet is when here is loaded',
  placing,
  [status('here', loaded(30)), status('b'), status('c'), status('d', warm)],
  'd',
  0,
);
test(
  'elsewhere cold when here is more loaded than a cold start takes',
  placing,
  [status('here', loaded(40)), status('b')],
  'b',
  0,
);
test(
  'where a warm Faaslet is though loaded, when it begins sooner there',
  placing,
  [status('here', loaded(40)), status('b', loaded(30, warm))],
  'b',
  0,
);
test(
  'here when it begins no sooner elsewhere',
  placing,
  [status('here', loaded(34)), status('b', loaded(30, warm))],
  'here',
  0,
);
test(
  'by the work for each core',
  placing,
  [status('here', loaded(40, { cores: 8 })), status('b', loaded(30, warm))],
  'here',
  0,
);
test(
  'elsewhere when here has no room',
  placing,
  [status('here', { activeCalls: 10, capacity: 10 }), status('b', loaded(500))],
  'b',
  0,
);
test(
  'never where there is no room',
  placing,
  [status('here', loaded(900)), status('b', { ...warm, activeCalls: 10, capacity: 10 })],
  'here',
  0,
);
test(
  'never on a draining host',
  placing,
  [status('here', loaded(900)), status('b', { ...warm, phase: 'draining' })],
  'here',
  0,
);
test(
  'never on a host that began to drain',
  placing,
  [status('here', loaded(900)), status('b', warm), status('b', { ...warm, phase: 'draining' })],
  'here',
  0,
);
test(
  'never on a host that is gone',
  placing,
  [status('here', loaded(900)), status('b', warm), status('b', { ...warm, phase: 'gone' })],
  'here',
  0,
);
test('never on a silent host', placing, [status('here', loaded(900)), status('b', warm)], 'here', 3000);
test(
  'never on a host with its functions elsewhere',
  placing,
  [status('here', loaded(900)), status('b', { ...warm, stores: { functions: 'own', state: 's' } })],
  'here',
  0,
);

test('decide() places a call of a function that others keep on one of those', (t) => {
  const elsewhere = { stores: { functions: 'own', state: 's' } };
  const state = scheduler([status('here'), status('b'), status('c', elsewhere)]);
  const theirs = { ...change, name: 'g' as FunctionName, store: 'own' };
  decide(state, { type: 'changed', change: theirs });
  t.is(hostOf(invoke(state, call('a', { function: 'g' as FunctionName }))), 'c');
  decide(state, { type: 'status', status: status('c', { ...elsewhere, phase: 'gone' }), nowMs: 0 });
  const refused = invoke(state, call('b', { function: 'g' as FunctionName }));
  t.is(refused.type === 'refuse' ? refused.error.code : undefined, 'no_responders');
});

test('decide() counts its own placements between heartbeats', (t) => {
  const state = scheduler([status('here', loaded(1000)), status('b', warm), status('c', warm)]);
  const unlimited = { ...state, limits: { ...limits, callsPerUserMax: 1000 } };
  const placed = Array.from({ length: 100 }, (_, at) => hostOf(invoke(unlimited, call(`c${at}`))));
  for (const host of ['b', 'c']) {
    const count = placed.filter((each) => each === host).length;
    t.true(count >= 45 && count <= 55, `${count} of 100 on ${host}`);
  }
});

test('decide() keeps a burst of an unknown program from piling up here', (t) => {
  const state = scheduler([status('here'), status('b'), status('c')]);
  const unlimited = { ...state, limits: { ...limits, callsPerUserMax: 1000 } };
  const placed = Array.from({ length: 300 }, (_, at) => hostOf(invoke(unlimited, call(`c${at}`))));
  for (const host of ['here', 'b', 'c']) t.true(placed.filter((each) => each === host).length >= 90, host);
});

test('decide() keeps a burst of quick calls here', (t) => {
  const state = scheduler([status('here'), status('b', warm), status('c', warm)]);
  const unlimited = { ...state, limits: { ...limits, callsPerUserMax: 1000 } };
  invoke(unlimited, call('first'));
  decide(unlimited, { type: 'ended', id: 'first' as CallId, ranUs: 20 });
  const placed = Array.from({ length: 200 }, (_, at) => hostOf(invoke(unlimited, call(`c${at}`))));
  t.true(placed.every((each) => each === 'here'));
});

test('decide() knows that calls have ended before the next heartbeat', (t) => {
  const state = scheduler([status('here'), status('b', warm)]);
  for (const id of ['x', 'y', 'z']) invoke(state, call(id));
  decide(state, { type: 'status', status: status('here', loaded(15)), nowMs: 0 });
  for (const id of ['x', 'y', 'z']) decide(state, { type: 'ended', id: id as CallId });
  t.is(hostOf(invoke(state, call('a'))), 'here');
});

test('decide() places a call that nobody took elsewhere, and at last here', (t) => {
  const state = scheduler([status('here', loaded(900)), status('b', warm), status('c', warm)]);
  const first = invoke(state, call('a'));
  const tried = [hostOf(first)];
  while (tried.at(-1) !== 'here') {
    const host = tried.at(-1) as HostId;
    const next = decide(state, { type: 'unreachable', call: first.call, host, nowMs: 0 });
    t.is(next.call.version, '1');
    tried.push(hostOf(next));
  }
  t.deepEqual(tried.toSorted(), ['b', 'c', 'here']);
  t.is(hostOf(invoke(state, call('b'))), 'here');
  decide(state, { type: 'status', status: status('b'), nowMs: 0 });
  t.is(hostOf(invoke(state, call('c'))), 'b');
});

const losing = test.macro({
  exec(t, message: SchedulerMessage, isLost: boolean) {
    const state = scheduler([status('here', loaded(900)), status('b', warm)]);
    t.is(hostOf(invoke(state, call('a'))), 'b');
    decide(state, { type: 'status', status: status('here'), nowMs: 2999 });
    t.deepEqual(decide(state, message), isLost ? { type: 'lost', calls: ['a' as CallId] } : undefined);
    t.deepEqual(decide(state, message), undefined);
  },
  title: (about = '') => `decide() ${about}`,
});

const at = (nowMs: number): SchedulerMessage => ({ type: 'tick', nowMs });
const says = (more: Partial<HostStatus>): SchedulerMessage => ({
  type: 'status',
  status: status('b', more),
  nowMs: 1,
});
test('gives the calls of a host that is silent for 3 s up', losing, at(3000), true);
test('waits for a host that was silent for less', losing, at(2999), false);
test('gives the calls of a host up that says it is gone', losing, says({ phase: 'gone' }), true);
test('gives the calls of a host up that started anew', losing, says({ instance: 'b-2' }), true);
test('waits for a host that drains', losing, says({ phase: 'draining' }), false);

test('decide() takes the silence of all for its own where they cannot be reached', (t) => {
  const state = scheduler([status('here', loaded(900)), status('b', warm)]);
  t.is(hostOf(invoke(state, call('a'))), 'b');
  decide(state, { type: 'reach', reachable: false, nowMs: 100 });
  t.is(hostOf(invoke(state, call('b'), 200)), 'here');
  t.is(decide(state, at(60_000)), undefined);
  decide(state, { type: 'reach', reachable: true, nowMs: 60_000 });
  t.is(decide(state, at(62_999)), undefined);
  t.deepEqual(decide(state, at(63_000)), { type: 'lost', calls: ['a' as CallId] });
});

test('decide() does not take another host of its name for itself', (t) => {
  const state = scheduler([status('here')]);
  decide(state, { type: 'status', status: status('here', loaded(900, { instance: 'x' })), nowMs: 0 });
  decide(state, { type: 'status', status: status('b', warm), nowMs: 0 });
  t.is(hostOf(invoke(state, call('a'))), 'here');
});

test('decide() keeps the newer version when an older change comes late', (t) => {
  const state = scheduler();
  const hear = (version: string | null, revision: number) =>
    decide(state, { type: 'changed', change: { ...change, version, revision } });
  hear('3', 3);
  hear('2', 2);
  t.is(invoke(state, call('a')).call.version, '3');
  hear(null, 4);
  hear('3', 3);
  t.is(invoke(state, call('b')).type, 'refuse');
  hear('5', 5);
  t.is(invoke(state, call('c')).call.version, '5');
});

const refusing = test.macro({
  exec(t, prepare: (state: SchedulerState) => void, each: Call, code: string) {
    const state = scheduler();
    prepare(state);
    const effect = invoke(state, each);
    t.is(effect?.type === 'refuse' ? effect.error.code : undefined, code as never);
  },
  title: (about = '') => `decide() refuses ${about}`,
});

const nothing = () => {};
test('an unknown function', refusing, nothing, call('a', { function: 'g' as FunctionName }), 'not_found');
test('an input over the limit', refusing, nothing, call('a', { input: new Uint8Array(11) }), 'too_large');
test('an id that is under way', refusing, (state) => invoke(state, call('a')), call('a'), 'conflict');
test(
  'a new call while draining',
  refusing,
  (state) => decide(state, { type: 'drain' }),
  call('a'),
  'draining',
);
test(
  'a call over the quota',
  refusing,
  (state) => ['x', 'y', 'z'].map((id) => invoke(state, call(id))),
  call('a'),
  'too_many_requests',
);
test(
  'a deleted function',
  refusing,
  (state) => decide(state, { type: 'changed', change: { ...change, version: null, revision: 2 } }),
  call('a'),
  'not_found',
);

test('decide() lets what runs chain while draining', (t) => {
  const state = scheduler();
  decide(state, { type: 'drain' });
  t.is(invoke(state, call('a', { depth: 1 }))?.type, 'place');
});

test('decide() gives the placed call the live version, unless it names one', (t) => {
  const state = scheduler();
  t.is(invoke(state, call('a')).call.version, '1');
  t.is(invoke(state, call('b', { version: '0' })).call.version, '0');
});

test('decide() has room for as many chained calls of a user as for others', (t) => {
  const state = scheduler();
  const placed = (depth: number): string[] =>
    Array.from({ length: 9 }, (_, at) => invoke(state, call(`${depth}-${at}`, { depth })).type);
  t.deepEqual(placed(0), [...Array(3).fill('place'), ...Array(6).fill('refuse')]);
  t.deepEqual(placed(1), [...Array(3).fill('place'), ...Array(6).fill('refuse')]);
  t.is(invoke(state, call('more')).type, 'refuse');
});

test('decide() takes an input of just the limit', (t) => {
  t.is(invoke(scheduler(), call('a', { input: new Uint8Array(limits.inputMaxBytes) })).type, 'place');
});

test('decide() refuses a call of a function that others keep while it knows no host but this one', (t) => {
  const state = scheduler();
  decide(state, { type: 'changed', change: { ...change, name: 'g' as FunctionName, store: 'own' } });
  const refused = invoke(state, call('a', { function: 'g' as FunctionName }));
  t.is(refused.type === 'refuse' ? refused.error.code : undefined, 'no_responders');
});

test('decide() refuses a call that nobody took and nobody else has, and one that has ended meanwhile', (t) => {
  const elsewhere = { stores: { functions: 'own', state: 's' } };
  const state = scheduler([status('here'), status('c', elsewhere)]);
  decide(state, { type: 'changed', change: { ...change, name: 'g' as FunctionName, store: 'own' } });
  const theirs = invoke(state, call('a', { function: 'g' as FunctionName }));
  t.is(hostOf(theirs), 'c');
  const unreachable = { type: 'unreachable', call: theirs.call, host: 'c' as HostId, nowMs: 0 } as const;
  t.is(decide(state, unreachable).type, 'refuse');
  decide(state, { type: 'ended', id: theirs.call.id });
  t.is(decide(state, unreachable).type, 'refuse');
});

test('decide() loses a call with the host that it was placed on last, and with no other', (t) => {
  const state = scheduler([status('here', loaded(900)), status('b', warm)]);
  const first = invoke(state, call('a'));
  t.is(hostOf(first), 'b');
  decide(state, { type: 'status', status: status('c', warm), nowMs: 0 });
  t.is(hostOf(decide(state, { type: 'unreachable', call: first.call, host: 'b' as HostId, nowMs: 0 })), 'c');
  const gone = (host: string): SchedulerMessage => ({
    type: 'status',
    status: status(host, { phase: 'gone' }),
    nowMs: 0,
  });
  t.is(decide(state, gone('b')), undefined);
  t.deepEqual(decide(state, gone('c')), { type: 'lost', calls: ['a' as CallId] });
});

test('decide() counts every user exactly in random histories', (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = createRandom(seed);
    const state = scheduler();
    const open: CallId[] = [];
    for (let at = 0; at < 200; at++) {
      if (random.below(2) === 0) {
        const effect = invoke(state, call(`c${at}`));
        if (effect?.type === 'place') open.push(effect.call.id);
      } else if (open.length > 0) {
        const [id] = open.splice(random.below(open.length), 1);
        decide(state, { type: 'ended', id: id! });
        decide(state, { type: 'ended', id: id! });
      }
      t.is(state.callsOfUser.get('ada' as UserName) ?? 0, open.length, `seed ${seed}`);
      t.true(open.length <= limits.callsPerUserMax, `seed ${seed}`);
    }
    for (const id of open) decide(state, { type: 'ended', id });
    t.is(state.callsOfUser.size, 0, `seed ${seed}`);
  }
});
