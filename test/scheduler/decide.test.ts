import test from 'ava';
import type { Call } from '../../proto/call.ts';
import type { HostStatus } from '../../proto/messages.ts';
import type { CallId, FunctionName, HostId, UserName } from '../../proto/names.ts';
import { createSchedulerState, decide, type SchedulerState } from '../../src/scheduler/decide.ts';
import { createRandom } from '../random.ts';

const limits = { callsPerUserMax: 3, inputMaxBytes: 10, hostSilentMs: 1000 };
const here = 'here' as HostId;

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

const host = (name: string, more: Partial<HostStatus> = {}): HostStatus => ({
  host: name as HostId,
  executors: 1,
  activeCalls: 0,
  faaslets: 2,
  faasletBytes: 8192,
  queuedCalls: 0,
  capacity: 10,
  warm: [],
  draining: false,
  ...more,
});

function scheduler(statuses: readonly HostStatus[] = [host('here')], heardMs = 0): SchedulerState {
  const state = createSchedulerState(here, limits);
  decide(state, { type: 'changed', user: 'ada' as UserName, name: 'f' as FunctionName, version: '1' });
  for (const status of statuses) decide(state, { type: 'status', status, nowMs: heardMs });
  return state;
}

const invoke = (state: SchedulerState, each: Call, nowMs = 0) =>
  decide(state, { type: 'invoke', call: each, nowMs });

const warm = ['ada/f@1'];
const full = { activeCalls: 10 };

const placing = test.macro({
  exec(t, statuses: readonly HostStatus[], expected: string, nowMs: number) {
    const effect = invoke(scheduler(statuses), call('a'), nowMs);
    t.is(effect?.type === 'place' ? effect.host : undefined, expected as HostId);
  },
  title: (about = '') => `decide() places a call ${about}`,
});

test('here when nothing is known', placing, [], 'here', 0);
test('here when a warm Faaslet is here', placing, [host('here', { warm }), host('b', { warm })], 'here', 0);
test('where a warm Faaslet is', placing, [host('here'), host('b', { warm })], 'b', 0);
test('here with a large input though a warm Faaslet is elsewhere', (t) => {
  const state = createSchedulerState(here, { ...limits, inputMaxBytes: 2 ** 24 });
  decide(state, { type: 'changed', user: 'ada' as UserName, name: 'f' as FunctionName, version: '1' });
  for (const status of [host('here'), host('b', { warm })])
    decide(state, { type: 'status', status, nowMs: 0 });
  const place = (id: string, bytes: number) => {
    const effect = invoke(state, call(id, { input: new Uint8Array(bytes) }));
    return effect?.type === 'place' ? effect.host : undefined;
  };
  t.is(place('a', 2 ** 20), 'b' as HostId);
  t.is(place('b', 2 ** 20 + 1), here);
  decide(state, { type: 'status', status: host('here', full), nowMs: 0 });
  t.is(place('c', 2 ** 20 + 1), 'b' as HostId);
});
test('here cold rather than elsewhere cold', placing, [host('here'), host('b')], 'here', 0);
test('elsewhere when here is full', placing, [host('here', full), host('b')], 'b', 0);
test(
  'on the least loaded of several',
  placing,
  [host('here', full), host('b', { activeCalls: 5 }), host('c')],
  'c',
  0,
);
test('here when all are full', placing, [host('here', full), host('b', full)], 'here', 0);
test('never on a draining host', placing, [host('here'), host('b', { warm, draining: true })], 'here', 0);
test('never on a silent host', placing, [host('here'), host('b', { warm })], 'here', 1000);
test('never on a host that queues', placing, [host('here'), host('b', { warm, queuedCalls: 1 })], 'here', 0);

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
  (state) =>
    decide(state, { type: 'changed', user: 'ada' as UserName, name: 'f' as FunctionName, version: null }),
  call('a'),
  'not_found',
);

test('decide() lets what runs chain while draining', (t) => {
  const state = scheduler();
  decide(state, { type: 'drain' });
  t.is(invoke(state, call('a', { depth: 1 }))?.type, 'place');
});

test('decide() gives the placed call the live version', (t) => {
  const effect = invoke(scheduler(), call('a'));
  t.is(effect?.call.version, '1');
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
  }
});
