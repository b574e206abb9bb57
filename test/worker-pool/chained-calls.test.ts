import test from 'ava';
import type { Call } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers } from '../../proto/headers.ts';
import type { CallId, FunctionName } from '../../proto/names.ts';
import { toUserName } from '../../proto/names.ts';
import { createSubjects } from '../../proto/subjects.ts';
import { respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, header, respond } from '../../src/bus/port.ts';
import type { ChainedResult } from '../../src/guest/call-context.ts';
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

/** Chained calls, the calls that reached the scheduler, and what became of them. */
function start(limits: Partial<ChainLimits> = {}) {
  const bus = createMemoryBus();
  const subjects = createSubjects();
  const sent: BusMessage[] = [];
  const cancelled: string[] = [];
  bus.subscribe(subjects.invoke('*', '*'), (message) => void sent.push(message));
  bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => {
    const id = subject.slice(subject.lastIndexOf('.') + 1);
    cancelled.push(id);
    const at = sent.findIndex((message) => header(message, headers.callId) === id);
    if (at !== -1) respondError(bus, sent.splice(at, 1)[0]!, new FaasmError('cancelled', 'it was cancelled'));
  });
  let last = 0;
  let idle = 0;
  const chained = new ChainedCalls({
    bus,
    subjects,
    catalog: { version: (_, called) => (called === name ? '1' : undefined), close() {} },
    limits: { depthMax: 10, treeCallsMax: 0, runningPerUserMax: 1000, ...limits },
    newCallId: () => callIdOf(user, `c${++last}`),
    hold: () => () => {},
    onIdle: () => idle++,
  });
  return { bus, chained, sent, cancelled, idle: () => idle };
}

/** Results come on a later turn of the event loop, and calls go out some turns later when there are many. */
const turns = async (until: () => boolean): Promise<void> => {
  while (!until()) await new Promise((resolve) => setImmediate(resolve));
};

test('make() sends calls and tells what became of them', async (t) => {
  const { bus, chained, sent, idle } = start();
  const results: [number, ChainedResult][] = [];
  chained.make(parentOf('p'), 0, childrenOf(2), ({ handle }, result) => results.push([handle, result]));
  t.is(sent.length, 2);
  t.is(header(sent[0]!, headers.parentId), callIdOf(user, 'p'));
  respond(bus, sent[0]!, output);
  respondError(bus, sent[1]!, new FaasmError('guest_returned', '', { details: { returnValue: 3 } }));
  await turns(() => results.length === 2);
  t.deepEqual(results, [
    [1, { returnValue: 0, output }],
    [2, { returnValue: 3, output: new Uint8Array(0) }],
  ]);
  t.is(chained.pending, 0);
  t.is(idle(), 1);
});

test('make() sends so many calls of a user as may run at once', async (t) => {
  const { bus, chained, sent } = start({ runningPerUserMax: 2 });
  chained.make(parentOf('p'), 0, childrenOf(5));
  t.is(sent.length, 2);
  respond(bus, sent[0]!, output);
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
  t.is(header(sent[1]!, headers.parentId), child.call.id);
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
  const { bus, chained, sent } = start({ treeCallsMax: 5 });
  const root = parentOf('p');
  chained.make(root, 0, childrenOf(4));
  for (const message of sent) respond(bus, message, output);
  await turns(() => chained.pending === 0);
  t.is(chained.refusal(root, 0, childrenOf(2))?.code, 'chain_refused');
});

test('refusal() counts a tree on that comes from another host', (t) => {
  const { chained, sent } = start({ treeCallsMax: 100 });
  const child = parentOf('c1', { rootId: callIdOf(user, 'r'), depth: 1, treeCalls: 97 });
  chained.make(child, 1, childrenOf(2));
  t.is(header(sent[0]!, headers.treeCalls), '99');
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
  t.is(header(sent[0]!, headers.parentId), other.call.id);
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
    sent.map((message) => header(message, headers.parentId)),
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
