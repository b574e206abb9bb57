import test from 'ava';
import type { Call, CallEnd } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, FunctionName } from '../../proto/names.ts';
import { toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, Encodable, readBody, respond } from '../../src/bus/port.ts';
import { nodePowers } from '../../src/power/node.ts';
import { admitTopic } from '../../src/scheduler/messages.ts';
import { ChainedCalls, type Chaining, type ChainLimits } from '../../src/worker-pool/chained-calls.ts';
import { callIdOf } from '../call-ids.ts';

const user = toUserName('ada');
const name = 'f' as FunctionName;
const output = Uint8Array.of(7);

const parentOf = (id: string, more: Partial<Call> = {}): Chaining => ({
  call: {
    id: callIdOf(user, id),
    user,
    function: name,
    input: new Uint8Array(0),
    rootId: callIdOf(user, id),
    depth: 0,
    deadlineMs: 1000,
    ...more,
  },
});
const childrenOf = (count: number, called = name) =>
  Array.from({ length: count }, (_, at) => ({ handle: at + 1, function: called, input: new Uint8Array(0) }));

const callOf = (message: BusMessage): Call => readBody(message, admitTopic.question).call;

/** Chained calls, the calls that reached the scheduler, and what became of them. */
function start(limits: Partial<ChainLimits> = {}) {
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const subjects = createPublicSubjects();
  const sent: BusMessage[] = [];
  const cancelled: string[] = [];
  privateBus.subscribe(privateSubjects.admit(), (message) => void sent.push(message));
  bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => {
    const id = subject.slice(subject.lastIndexOf('.') + 1);
    cancelled.push(id);
    const at = sent.findIndex((message) => callOf(message).id === id);
    if (at !== -1) respondError(bus, sent.splice(at, 1)[0]!, new FaasmError('cancelled', 'it was cancelled'));
  });
  let last = 0;
  let idle = 0;
  const chained = new ChainedCalls({
    timers: nodePowers.timers,
    bus,
    privateBus,
    subjects,
    catalog: { version: (_, called) => (called === name ? '1' : undefined), close() {} },
    limits: { depthMax: 10, treeCallsMax: 0, runningPerUserMax: 1000, ...limits },
    newCallId: () => callIdOf(user, `c${++last}`),
    hold: () => () => {},
    onIdle: () => idle++,
  });
  const answer = (message: BusMessage): void => {
    const result = { id: callOf(message).id, output, returnValue: 0 };
    respond(privateBus, message, new Encodable(result, admitTopic.answer));
  };
  return { bus: privateBus, answer, chained, sent, cancelled, idle: () => idle };
}

/** Results come on a later turn of the event loop, and calls go out some turns later when there are many. */
const turns = async (until: () => boolean): Promise<void> => {
  while (!until()) await new Promise((resolve) => setImmediate(resolve));
};

test('make() sends calls and tells what became of them', async (t) => {
  const { bus, answer, chained, sent, idle } = start();
  const results: [number, CallEnd][] = [];
  chained.make(parentOf('p'), 0, childrenOf(2), ({ handle }, result) => results.push([handle, result]));
  t.is(sent.length, 2);
  t.is(callOf(sent[0]!).parentId, callIdOf(user, 'p'));
  answer(sent[0]!);
  respondError(bus, sent[1]!, new FaasmError('guest_returned', '', { details: { returnValue: 3 } }));
  await turns(() => results.length === 2);
  t.deepEqual(results, [
    [1, { returnValue: 0, output }],
    [2, { returnValue: 3, output: new Uint8Array(0) }],
  ]);
  t.is(chained.pending, 0);
  t.is(idle(), 1);
});

test('make() hands the scheduler the call that a child is', (t) => {
  const { chained, sent } = start();
  const parent = parentOf('p', { rootId: callIdOf(user, 'r'), depth: 2, traceparent: '00-ab-cd-01' });
  const [child] = childrenOf(1);
  chained.make(parent, 2, [child!], () => {});
  const expected = {
    id: callIdOf(user, 'c1'),
    user,
    function: name,
    input: new Uint8Array(0),
    parentId: callIdOf(user, 'p'),
    rootId: callIdOf(user, 'r'),
    depth: 3,
    deadlineMs: 1000,
    treeCalls: 1,
    traceparent: '00-ab-cd-01',
  };
  t.deepEqual(callOf(sent[0]!), expected);
  const version = 'a'.repeat(64);
  chained.make(parent, 2, [{ ...child!, pointer: { index: 5, version } }]);
  t.deepEqual(callOf(sent[1]!), {
    ...expected,
    id: callIdOf(user, 'c2'),
    treeCalls: 2,
    // Nobody waits for it.
    deadlineMs: Number.POSITIVE_INFINITY,
    pointer: 5,
    version,
  });
});

test('make() sends so many calls of a user as may run at once', async (t) => {
  const { answer, chained, sent } = start({ runningPerUserMax: 2 });
  chained.make(parentOf('p'), 0, childrenOf(5));
  t.is(sent.length, 2);
  answer(sent[0]!);
  await turns(() => sent.length === 3);
  t.is(chained.pending, 4);
});

test('waits() lets further calls of the user run', async (t) => {
  const { chained, sent } = start({ runningPerUserMax: 1 });
  const root = parentOf('p');
  chained.make(root, 0, childrenOf(1));
  const child = parentOf('c1', { rootId: root.call.rootId, depth: 1 });
  chained.waits(child.call.id);
  chained.make(child, 1, childrenOf(1));
  await turns(() => sent.length === 2);
  t.is(callOf(sent[1]!).parentId, child.call.id);
});

test('make() sends many calls over several turns of the event loop', async (t) => {
  const { chained, sent } = start();
  chained.make(parentOf('p'), 0, childrenOf(500));
  t.true(sent.length < 100);
  await turns(() => sent.length === 500);
  t.pass();
});

test('refusal() names the setting when a tree of calls has too many', (t) => {
  const { chained } = start({ treeCallsMax: 5 });
  const root = parentOf('p');
  t.is(chained.refusal(root, 0, childrenOf(3)), undefined);
  chained.make(root, 0, childrenOf(3));
  const child = parentOf('c1', { rootId: root.call.rootId, depth: 1 });
  t.is(chained.refusal(child, 1, childrenOf(2)), undefined);
  const refused = chained.refusal(child, 1, childrenOf(3));
  t.is(refused?.code, 'chain_refused');
  t.regex(refused?.message ?? '', /FAASM_CALL_TREE_MAX/);
});

test('refusal() counts a tree on whose calls have all ended', async (t) => {
  const { answer, chained, sent } = start({ treeCallsMax: 5 });
  const root = parentOf('p');
  chained.make(root, 0, childrenOf(4));
  for (const message of sent) answer(message);
  await turns(() => chained.pending === 0);
  t.is(chained.refusal(root, 0, childrenOf(2))?.code, 'chain_refused');
});

test('refusal() counts anew for a call that is tried again when its tree has ended', async (t) => {
  const { answer, chained, sent } = start({ treeCallsMax: 5 });
  chained.make(parentOf('p'), 0, childrenOf(4));
  t.is(chained.refusal(parentOf('p'), 0, childrenOf(2))?.code, 'chain_refused');
  for (const message of sent) answer(message);
  await turns(() => chained.pending === 0);
  t.is(chained.refusal(parentOf('p'), 0, childrenOf(2)), undefined);
});

test('refusal() counts a tree on that comes from another host', (t) => {
  const { chained, sent } = start({ treeCallsMax: 100 });
  const child = parentOf('c1', { rootId: callIdOf(user, 'r'), depth: 1, treeCalls: 97 });
  chained.make(child, 1, childrenOf(2));
  t.is(callOf(sent[0]!).treeCalls, 99);
  t.is(chained.refusal(child, 1, childrenOf(2))?.code, 'chain_refused');
});

test('ranBeside() counts calls that an executor ran by itself', (t) => {
  const { chained } = start({ treeCallsMax: 2 });
  const root = parentOf('p');
  t.is(chained.ranBeside(root), undefined);
  t.is(chained.ranBeside(root), undefined);
  t.regex(chained.ranBeside(root)?.message ?? '', /FAASM_CALL_TREE_MAX/);
});

test('cancelTree() drops all calls of a tree, also when its root has ended', async (t) => {
  const { chained, sent, cancelled } = start({ runningPerUserMax: 2 });
  const [root, other] = [parentOf('p'), parentOf('q')];
  const results: number[] = [];
  chained.make(root, 0, childrenOf(4), (_, { returnValue }) => results.push(returnValue));
  chained.make(other, 0, childrenOf(1));
  chained.cancelTree(root.call.id);
  await turns(() => results.length === 4);
  t.deepEqual(results, [1, 1, 1, 1]);
  t.is(cancelled.length, 2);
  await turns(() => sent.length === 1);
  t.is(callOf(sent[0]!).parentId, other.call.id);
});

test('abandoned() drops the children of a call, and no others of its tree', async (t) => {
  const { chained, sent } = start();
  const root = parentOf('p');
  chained.make(root, 0, childrenOf(2));
  const child = parentOf('c1', { rootId: root.call.rootId, depth: 1 });
  chained.make(child, 1, childrenOf(2));
  chained.abandoned(child.call);
  await turns(() => chained.pending === 2);
  t.deepEqual(
    sent.map((message) => callOf(message).parentId),
    [root.call.id, root.call.id],
  );
});

test('abandoned() drops all of a tree with its root', async (t) => {
  const { chained } = start();
  const root = parentOf('p');
  chained.make(root, 0, childrenOf(2));
  chained.make(parentOf('c1', { rootId: root.call.rootId, depth: 1 }), 1, childrenOf(2));
  chained.abandoned(root.call);
  await turns(() => chained.pending === 0);
  t.pass();
});

test('a call id is no tree where nothing was chained', (t) => {
  const { chained, cancelled } = start();
  chained.cancelTree('ada-x' as CallId);
  t.deepEqual(cancelled, []);
});
