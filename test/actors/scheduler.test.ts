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
import { Encodable, type Headers, header, readBody, respond } from '../../src/bus/port.ts';
import { askInside } from '../../src/bus/private.ts';
import { CallData } from '../../src/calls/call-data.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import { callCodec, callResultCodec } from '../../src/calls/codec.ts';
import { toGrants } from '../../src/calls/grants.ts';
import { functionChangedCodec } from '../../src/functions/messages.ts';
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
  return { bus, scheduler, ran, invoke, admit };
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
