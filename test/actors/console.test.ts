import { createHash } from 'node:crypto';
import test from 'ava';
import { startConsole } from '../../actors/console.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { CallEvent, HostStatus } from '../../proto/messages.ts';
import { toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, header, respond, toBytes } from '../../src/bus/port.ts';
import type { BoardData } from '../../src/console/board.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../../src/functions/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { Readiness } from '../../src/readiness.ts';
import { hostStatusCodec } from '../../src/scheduler/messages.ts';
import { callEventsCodec } from '../../src/worker-pool/messages.ts';
import { callIdOf } from '../call-ids.ts';
import { silentLog, subjects } from '../http/_bridge.ts';

const control = createControlSubjects();
const here = toHostId('here');
const storage = { damage: () => [['state', 3] as const] };
const user = toUserName('demo');
const name = toFunctionName('echo');
const version = 'a'.repeat(64);

function start(t: { teardown(fn: () => void): void }) {
  const bus = createMemoryBus({ powers: nodePowers, onError: () => {} });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const readiness = new Readiness();
  const console = {
    clock: nodePowers.clock,
    bus,
    privateBus,
    subjects,
    control,
    log: silentLog,
    host: here,
    readiness,
    storage,
  };
  const started = startConsole(console);
  t.teardown(() => started.stop());
  const ask = async (kind: 'page' | 'data' | 'metrics') => {
    const answer = await privateBus.request(privateSubjects.console(kind), emptyBody);
    return { answer, text: Buffer.from(toBytes(answer.body)).toString() };
  };
  const call = (change: Partial<CallEvent> = {}) =>
    bus.publish(
      subjects.callEvents(user),
      new Encodable([{ ...event, endedAtMs: Date.now(), ...change }], callEventsCodec),
    );
  return {
    bus,
    privateBus,
    readiness,
    ask,
    call,
    started,
    data: async () => JSON.parse((await ask('data')).text) as BoardData,
  };
}

const event: CallEvent = {
  id: callIdOf('demo', 'c1'),
  parentId: null,
  user,
  function: name,
  host: here,
  endedAtMs: 0,
  durationMs: 3,
  outputBytes: 5,
  returnValue: 0,
  error: null,
  stderr: null,
  traceparent: null,
};

const status: HostStatus = {
  host: here,
  instance: 'i',
  phase: 'serving',
  stores: { functions: 'a', state: 'b' },
  cores: 2,
  backlogUs: 0,
  executors: 2,
  activeCalls: 4,
  faaslets: 2,
  faasletBytes: 8192,
  queuedCalls: 1,
  capacity: 10,
  warmPrograms: 1,
  warm: { whole: true, added: ['demo/echo@v1'], removed: [] },
};

test('startConsole() shows hosts, functions and calls with how they ended', async (t) => {
  const { bus, privateBus, call, data } = start(t);
  privateBus.publish(
    privateSubjects.functionChanged(),
    new Encodable({ user, name, version, revision: 1, store: 'a' }, functionChangedCodec),
  );
  bus.publish(control.status(here), new Encodable(status, hostStatusCodec));
  call();
  const error = { code: 'guest_trapped', message: 'It trapped <b>', details: {} } as const;
  call({ id: callIdOf('demo', 'c2'), host: toHostId('there'), error, stderr: 'oh no' });
  const { hosts, functions, calls, host } = await data();
  t.is(host, 'here');
  t.like(hosts[0], { host: 'here', activeCalls: 4, warmFunctions: 1 });
  t.like(functions[0], { user, name, version, calls: 2, failed: 1, warmHosts: 1 });
  t.like(calls[0], {
    id: callIdOf('demo', 'c2'),
    code: 'guest_trapped',
    message: 'It trapped <b>',
    stderr: 'oh no',
    host: 'there',
  });
  t.like(calls[1], { id: callIdOf('demo', 'c1'), code: 'ok', message: null, outputBytes: 5 });
});

test('startConsole() learns the live version of a function that it only saw called', async (t) => {
  const { bus, call, data } = start(t);
  const kept = { version, module: version, settings: noSettings, sizeBytes: 1, uploadedAtMs: 1 };
  const description = { user, name, live: version, versions: [kept], revision: 1 };
  bus.subscribe(subjects.functions('describe', user, name), (message) =>
    respond(bus, message, new Encodable(description, functionDescriptionCodec)),
  );
  call();
  t.is((await data()).functions[0]!.version, null);
  t.is((await data()).functions[0]!.version, version);
});

test('startConsole() counts the calls of its own host for Prometheus', async (t) => {
  const { bus, call, ask } = start(t);
  bus.publish(control.status(here), new Encodable(status, hostStatusCodec));
  bus.publish(
    control.status(toHostId('there')),
    new Encodable({ ...status, host: toHostId('there'), executors: 77 }, hostStatusCodec),
  );
  call({ durationMs: 3 });
  call({ durationMs: 700 });
  call({ host: toHostId('there') });
  call({ durationMs: 1, error: { code: 'guest_returned', message: '', details: {} } });
  for (const _ of [1, 2]) {
    const { answer, text } = await ask('metrics');
    t.regex(header(answer, 'Content-Type') ?? '', /^text\/plain; version=0\.0\.4/);
    const lines = text.split('\n');
    const has = (line: string) => t.true(lines.includes(line), line);
    has('faasm_calls_total{user="demo",function="echo",code="ok"} 2');
    has('faasm_calls_total{user="demo",function="echo",code="guest_returned"} 1');
    has('faasm_call_duration_seconds_bucket{user="demo",function="echo",le="0.005"} 2');
    has('faasm_call_duration_seconds_bucket{user="demo",function="echo",le="0.5"} 2');
    has('faasm_call_duration_seconds_bucket{user="demo",function="echo",le="1"} 3');
    has('faasm_call_duration_seconds_bucket{user="demo",function="echo",le="+Inf"} 3');
    has('faasm_call_duration_seconds_count{user="demo",function="echo"} 3');
    has('faasm_call_duration_seconds_sum{user="demo",function="echo"} 0.704');
    has('# TYPE faasm_call_duration_seconds histogram');
    has('faasm_calls_active 4');
    has('faasm_executors 2');
    has('faasm_functions_warm 1');
    t.regex(text, /^process_cpu_seconds_total /m);
  }
});

test('startConsole() tells what this host lacks, and what its bus dropped', async (t) => {
  const { bus, readiness, ask } = start(t);
  readiness.set('redis', undefined);
  readiness.set('nats', 'not connected');
  bus.drops.add('faasm.event.calls.ada', 'no_capacity');
  bus.drops.add('faasm.event.calls.eve', 'no_capacity');
  bus.drops.add('_INBOX.abc.1', 'too_large');
  const lines = (await ask('metrics')).text.split('\n');
  const has = (line: string) => t.true(lines.includes(line), line);
  has('faasm_component_up{component="redis"} 1');
  has('faasm_component_up{component="nats"} 0');
  has('faasm_storage_corrupt_total{component="state"} 3');
  has('faasm_messages_dropped_total{kind="event",code="no_capacity"} 2');
  has('faasm_messages_dropped_total{kind="answer",code="too_large"} 1');
});

test('startConsole() keeps metrics few, however many functions are called', async (t) => {
  const { call, ask } = start(t);
  for (let n = 0; n < 1000; n++) call({ function: toFunctionName(`f${n}`) });
  const { text } = await ask('metrics');
  t.is(text.match(/^faasm_calls_total\{/gm)!.length, 201);
  t.regex(text, /^faasm_calls_total\{user="\(others\)",function="\(others\)",code="ok"\} 800$/m);
});

test('startConsole() survives events that are none', async (t) => {
  const { bus, data } = start(t);
  const odd = {
    id: '',
    durationMs: 'x',
    user: null,
    function: { a: 1 },
    endedAtMs: Date.now(),
    error: { code: 'made_up' },
    stderr: 'x'.repeat(9999),
  };
  bus.publish(subjects.callEvents(user), new Encodable([odd as unknown as CallEvent], callEventsCodec));
  bus.publish(subjects.callEvents(user), Buffer.from('no JSON at all'));
  const { calls } = await data();
  t.is(calls.length, 1);
  t.like(calls[0], { id: '', user: '', code: 'internal', durationMs: 0 });
  t.is(calls[0]!.stderr!.length, 500);
});

test('the page loads nothing, allows only itself, and sets text as text', async (t) => {
  const { ask } = start(t);
  const { answer, text } = await ask('page');
  t.is(header(answer, 'Content-Type'), 'text/html; charset=utf-8');
  const policy = header(answer, 'Content-Security-Policy') ?? '';
  const script = /<script>([\s\S]*?)<\/script>/.exec(text)![1]!;
  t.true(policy.includes(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`));
  t.regex(policy, /^default-src 'none';/);
  t.notRegex(policy, /unsafe/);
  t.notRegex(text, /(?:src|href)="(?!data:,)/);
  t.notRegex(text, /\sstyle="|\son[a-z]+="/);
  t.notRegex(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
});

test('stop() leaves nobody to ask', async (t) => {
  const { started, ask } = start(t);
  started.stop();
  t.is((await t.throwsAsync<Error & { code: string }>(ask('page'))).code, 'no_responders');
});
