/** The scheduler on a bus of clients and a bus inside, with a worker pool and another host that only take calls. */
import test, { type ExecutionContext } from 'ava';
import { startScheduler } from '../../actors/scheduler.ts';
import type { Call } from '../../proto/call.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import { toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer, respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, type Headers, header, readBody, respond, toBytes } from '../../src/bus/port.ts';
import { askInside } from '../../src/bus/private.ts';
import { CallData } from '../../src/calls/call-data.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import { callCodec, callResultCodec } from '../../src/calls/codec.ts';
import { toGrants } from '../../src/calls/grants.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../../src/functions/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { admitTopic, hostStatusCodec } from '../../src/scheduler/messages.ts';
import { callIdOf } from '../call-ids.ts';
import { status } from '../scheduler/_status.ts';

const subjects = createPublicSubjects();
const control = createControlSubjects();
const here = toHostId('here');
const ada = toUserName('ada');
const f = toFunctionName('f');
const callTimeoutMs = 60_000;
const input = Buffer.from('input');
const s3 = { endpoint: '', region: '', accessKey: '', secretKey: '' };

function start(t: ExecutionContext) {
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const scheduler = startScheduler({
    powers: nodePowers,
    bus,
    privateBus,
    subjects,
    control,
    config: {
      self: { host: here, instance: 'here-1', store: 'shared' },
      limits: {
        callsPerUserMax: 10,
        inputMaxBytes: 1000,
        hostSilentMs: 60_000,
        awayUs: 5000,
        awayUsPerByte: 0,
        coldUs: 0,
      },
      callTimeoutMs,
      keyed: { keptMs: 1000, perUserMax: 10, bytesPerUserMax: 1000, bytesMax: 1000 },
    },
    data: new CallData({ redis: undefined, s3, grants: toGrants(''), inputMaxBytes: 1000 }),
    newCallId: createCallIds(nodePowers.random),
  });
  t.teardown(() => scheduler.stop());
  const change = { user: ada, name: f, version: 'a'.repeat(64), revision: 1, store: 'shared' };
  privateBus.publish(privateSubjects.functionChanged(), new Encodable(change, functionChangedCodec));
  bus.publish(control.status(here), new Encodable(status('here'), hostStatusCodec));
  const ran: Call[] = [];
  privateBus.subscribe(privateSubjects.run(), (message) => {
    const call = readBody(message, callCodec);
    ran.push(call);
    const result = { id: call.id, output: call.input, returnValue: 0 };
    respond(privateBus, message, new Encodable(result, callResultCodec));
  });
  const invoke = async (headers?: Headers) =>
    expectAnswer(await bus.request(subjects.invoke(ada, f), input, { headers }));
  const admit = (call: Call) =>
    askInside(privateBus, privateSubjects.admit(), admitTopic, { call, places: undefined });
  return { bus, privateBus, scheduler, ran, invoke, admit };
}

const chained = (more: Partial<Call> = {}): Call => ({
  id: callIdOf('ada', 'child'),
  user: ada,
  function: f,
  input,
  parentId: callIdOf('ada', 'parent'),
  rootId: callIdOf('ada', 'root'),
  depth: 3,
  treeCalls: 7,
  deadlineMs: Number.POSITIVE_INFINITY,
  ...more,
});

test('an invoked call has the headers that a client may give, and is the root of its tree', async (t) => {
  const { invoke, ran } = start(t);
  const id = callIdOf('ada', 'own');
  const answer = await invoke({
    'Faasm-Call-Id': [id],
    'Faasm-Timeout': ['1s'],
    'Faasm-Arg': ['a'],
    traceparent: ['00-ab-cd-01'],
    'Faasm-Depth': ['3'],
    'Faasm-Tree-Calls': ['7'],
    'Faasm-Parent-Id': [callIdOf('ada', 'parent')],
    'Faasm-Root-Id': [callIdOf('ada', 'root')],
    'Faasm-Pointer': [`0@${'b'.repeat(64)}`],
    'Faasm-Attempt': ['1'],
  });
  t.is(header(answer, 'Faasm-Call-Id'), id);
  const { deadlineMs, ...call } = ran[0]!;
  t.true(deadlineMs <= Date.now() + 1001);
  t.deepEqual(call, {
    id,
    user: ada,
    function: f,
    input,
    rootId: id,
    depth: 0,
    traceparent: '00-ab-cd-01',
    given: { args: ['a'], env: {} },
    version: 'a'.repeat(64),
  });
});

test('an admitted call is run as it is, in the time of a call', async (t) => {
  const { admit, ran } = start(t);
  const result = await admit(chained({ attempt: 2, pointer: 5, version: 'b'.repeat(64) }));
  t.deepEqual(result.output, input);
  t.like(ran[0], { depth: 3, treeCalls: 7, attempt: 2, pointer: 5, version: 'b'.repeat(64) });
  t.true(ran[0]!.deadlineMs <= Date.now() + callTimeoutMs + 1);
  await admit(chained({ deadlineMs: 1000 }));
  t.is(ran[1]!.deadlineMs, 1000);
});

test('an admitted call that fails is answered with its error', async (t) => {
  const { admit } = start(t);
  await t.throwsAsync(admit(chained({ function: toFunctionName('missing') })), { code: 'no_responders' });
  await t.throwsAsync(admit(chained({ input: Buffer.alloc(1001) })), { code: 'too_large' });
});

test('a host that drains admits what runs chain, and invokes nothing more', async (t) => {
  const { admit, invoke, scheduler } = start(t);
  scheduler.drain();
  await admit(chained());
  await t.throwsAsync(invoke({ 'Faasm-Depth': ['1'] }), { code: 'draining' });
});

test('a call goes to another host between hosts, and what runs here goes inside', async (t) => {
  const { bus, invoke, ran } = start(t);
  const there: Call[] = [];
  bus.subscribe(control.call('*'), (message) => {
    there.push(readBody(message, callCodec));
    respondError(bus, message, new FaasmError('no_capacity', 'full'));
  });
  await invoke();
  t.deepEqual([ran.length, there.length], [1, 0]);
  const busy = status('here', { backlogUs: 10_000_000 });
  bus.publish(control.status(here), new Encodable(busy, hostStatusCodec));
  bus.publish(control.status(toHostId('other')), new Encodable(status('other'), hostStatusCodec));
  await t.throwsAsync(invoke(), { code: 'no_capacity' });
  t.deepEqual([ran.length, there.length], [1, 1]);
});

const other = toHostId('other');

/** Two hosts more, and so much to compute here that calls go to the first of them. */
function startBusy(t: ExecutionContext) {
  const host = start(t);
  const hear = (name: string, more: Parameters<typeof status>[1] = {}) =>
    host.bus.publish(control.status(toHostId(name)), new Encodable(status(name, more), hostStatusCodec));
  hear('here', { backlogUs: 10_000_000 });
  hear('other');
  const cancelled: string[] = [];
  host.bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => void cancelled.push(subject));
  return { ...host, hear, cancelled };
}

test('a call that nobody takes on another host is run here', async (t) => {
  const { invoke, ran } = startBusy(t);
  await invoke();
  t.is(ran.length, 1);
});

test('a call that another host runs is answered as it answers', async (t) => {
  const { bus, invoke, ran } = startBusy(t);
  bus.subscribe(control.call(other), (message) => {
    const { id } = readBody(message, callCodec);
    const result = { id, output: Buffer.from('there'), returnValue: 3 };
    respond(bus, message, new Encodable(result, callResultCodec));
  });
  const answer = await invoke();
  t.is(Buffer.from(toBytes(answer.body)).toString(), 'there');
  t.is(header(answer, 'Faasm-Return-Value'), '3');
  t.is(ran.length, 0);
});

test('a call is given up with the host that it is on, and told to that host', async (t) => {
  const { bus, invoke, hear, cancelled } = startBusy(t);
  const taken = Promise.withResolvers<void>();
  bus.subscribe(control.call(other), () => taken.resolve());
  const id = callIdOf('ada', 'own');
  const failed = t.throwsAsync(invoke({ 'Faasm-Call-Id': [id] }), { code: 'executor_lost' });
  await taken.promise;
  hear('other', { phase: 'gone' });
  await failed;
  t.deepEqual(cancelled, [subjects.cancel(ada, id)]);
});

test('a call that another host does not answer in time is given up, and told to that host', async (t) => {
  const { bus, invoke, cancelled } = startBusy(t);
  bus.subscribe(control.call(other), () => {});
  const id = callIdOf('ada', 'own');
  const late = invoke({ 'Faasm-Call-Id': [id], 'Faasm-Timeout': ['1ms'] });
  const error = await t.throwsAsync(late, { code: 'deadline_exceeded' });
  t.regex(error!.message, /host other where it ran did not answer/);
  t.deepEqual(cancelled, [subjects.cancel(ada, id)]);
});

const g = toFunctionName('g');

test('a function that is not known here is looked for where all hosts have theirs', async (t) => {
  const { bus, ran } = start(t);
  let asked = 0;
  bus.subscribe(subjects.functions('describe', ada, g), (message) => {
    asked++;
    const version = 'c'.repeat(64);
    const description = { user: ada, name: g, live: version, versions: [], revision: 1 };
    respond(bus, message, new Encodable(description, functionDescriptionCodec));
  });
  for (let times = 0; times < 2; times++) expectAnswer(await bus.request(subjects.invoke(ada, g), input));
  t.is(asked, 1);
  t.deepEqual(
    ran.map((call) => call.version),
    ['c'.repeat(64), 'c'.repeat(64)],
  );
});

for (const [answered, code] of [
  ['not_found', 'not_found'],
  ['storage_unavailable', 'storage_unavailable'],
] as const) {
  test(`a call of a function that is looked for in vain, for ${answered}, fails with ${code}`, async (t) => {
    const { bus, ran } = start(t);
    bus.subscribe(subjects.functions('describe', ada, g), (message) =>
      respondError(bus, message, new FaasmError(answered, 'no')),
    );
    const invoked = bus.request(subjects.invoke(ada, g), input).then(expectAnswer);
    const error = await t.throwsAsync(invoked, { code });
    if (code === 'not_found') t.regex(error!.message, /PUT \/f\/ada\/g/);
    t.is(ran.length, 0);
  });
}

test('a user has so many calls under way, and one more when one has ended', async (t) => {
  const { bus, privateBus } = start(t);
  const slow = toFunctionName('slow');
  const change = { user: ada, name: slow, version: 'd'.repeat(64), revision: 1, store: 'shared' };
  privateBus.publish(privateSubjects.functionChanged(), new Encodable(change, functionChangedCodec));
  const results = Array.from({ length: 30 }, () =>
    bus.request(subjects.invoke(ada, slow), input).then(expectAnswer),
  );
  const settled = await Promise.allSettled(results);
  t.is(settled.filter(({ status: how }) => how === 'rejected').length, 20);
  await bus.request(subjects.invoke(ada, slow), input).then(expectAnswer);
});

test('a call with a key runs once, and is answered again as it was', async (t) => {
  const { invoke, ran } = start(t);
  const headers = { 'Idempotency-Key': ['"once"'] };
  const [first, second] = [await invoke(headers), await invoke(headers)];
  t.is(ran.length, 1);
  t.deepEqual(toBytes(second.body), toBytes(first.body));
  await invoke({ 'Idempotency-Key': ['"twice"'] });
  t.is(ran.length, 2);
});

test('a call without headers that returned 0 is answered without any', async (t) => {
  const { bus } = start(t);
  const answer = await bus.request(subjects.invoke(ada, f), input);
  t.is(answer.headers, undefined);
});

test('a call whose input is elsewhere has none in its body', async (t) => {
  const { invoke, ran } = start(t);
  const error = await t.throwsAsync(invoke({ 'Faasm-Input': ['redis:key'] }), { code: 'bad_request' });
  t.regex(error!.message, /in the body or at redis:key/);
  t.is(ran.length, 0);
});
