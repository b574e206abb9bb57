import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { startCalls } from '../../actors/calls.ts';
import type { Call } from '../../proto/call.ts';
import { type ErrorCode, FaasmError } from '../../proto/errors.ts';
import { headers as names, resourceHeaders } from '../../proto/headers.ts';
import type { CallStatus } from '../../proto/messages.ts';
import { type CallId, type HostId, toFunctionName, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer, respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { emptyBody, type Headers, header, readBody, respond, toBytes } from '../../src/bus/port.ts';
import { answerInside } from '../../src/bus/private.ts';
import { begunIn } from '../../src/calls/begun-marks.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import type { CallsConfig } from '../../src/calls/queue-config.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import type { CallQueue } from '../../src/calls/queue-port.ts';
import { openSqliteCallQueue } from '../../src/calls/sqlite-queue.ts';
import { loadConfig } from '../../src/config/config.ts';
import { nodePowers } from '../../src/power/node.ts';
import { admitTopic } from '../../src/scheduler/messages.ts';
import { callIdOf } from '../call-ids.ts';
import { noLog } from '../state/host.ts';

const subjects = createPublicSubjects();
const ann = toUserName('ann');
const echo = toFunctionName('echo');
const text = (value: string) => new TextEncoder().encode(value);

type Answer = (call: Call) => Uint8Array | Promise<Uint8Array>;

interface Options {
  readonly file?: string;
  readonly config?: Partial<CallsConfig>;
  /** @default 50 */
  readonly drainTimeoutMs?: number;
  readonly answer?: Answer;
  readonly wrap?: (queue: CallQueue) => CallQueue;
  readonly maxPayloadBytes?: number;
}

const echoes: Answer = ({ input }) => input;
const never: Answer = () => new Promise(() => {});

const fails =
  (code: ErrorCode): Answer =>
  () => {
    throw new FaasmError(code, `it failed: ${code}`, { details: { component: 'scheduler' } });
  };

/** Answers when it is told to. */
function waits() {
  const asked: (() => void)[] = [];
  const answer: Answer = ({ input }) => new Promise((resolve) => asked.push(() => resolve(input)));
  return { asked, answer };
}

function temporaryFile(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-calls-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'calls.db');
}

/** The calls actor, with functions that all are `answer`, and of which `missing` does not exist. */
async function start(t: ExecutionContext, options: Options = {}) {
  const { file = temporaryFile(t), answer = echoes, wrap = (same) => same, maxPayloadBytes } = options;
  const bus = createMemoryBus({
    powers: nodePowers,
    ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
  });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const invoked: Call[] = [];
  const cancelled: string[] = [];
  bus.subscribe(subjects.functions('*', '*', '*'), (message) => {
    if (message.subject.endsWith('.missing'))
      respondError(bus, message, new FaasmError('not_found', 'no such function'));
    else respond(bus, message, emptyBody);
  });
  answerInside(privateBus, privateSubjects.admit(), admitTopic, async ({ call }) => {
    invoked.push(call);
    return { id: call.id, output: await answer(call), returnValue: 0 };
  });
  bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => {
    cancelled.push(subject.split('.').at(-1)!);
  });
  const sqlite = await openSqliteCallQueue(file);
  const config = { ...loadConfig().calls, retryMs: 1, retryMaxMs: 5, ...options.config };
  const actor = await startCalls({
    powers: nodePowers,
    host: 'test' as HostId,
    bus,
    privateBus,
    subjects,
    queue: wrap(sqlite),
    begun: begunIn(`${file}-begun`),
    config,
    log: noLog,
    newCallId: createCallIds(nodePowers.random),
  });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await actor.stop(options.drainTimeoutMs ?? 50);
    await sqlite.close();
    await bus.close();
    await privateBus.close();
  };
  t.teardown(stop);

  const ask = async (subject: string, body = emptyBody, headers: Headers = {}) =>
    expectAnswer(await bus.request(subject, body, { headers }));
  const submit = async (input: string, headers: Headers = {}, fn = echo): Promise<CallStatus> =>
    readBody(await ask(subjects.async(ann, fn), text(input), headers), callStatusCodec);
  const status = async (id: CallId) =>
    readBody(await ask(subjects.calls('status', ann, id)), callStatusCodec);
  const ended = async (id: CallId): Promise<CallStatus> => {
    for (;;) {
      const found = await status(id);
      if (found.endedAtMs !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const output = async (id: CallId, headers: Headers = {}) =>
    Buffer.from(toBytes((await ask(subjects.calls('output', ann, id), emptyBody, headers)).body)).toString();
  return { bus, actor, invoked, cancelled, stop, ask, submit, status, ended, output };
}

test('async answers when the call is queued, and the output is there when it has ended', async (t) => {
  const { submit, ended, output } = await start(t);
  const queued = await submit('hello');
  t.is(queued.state, 'queued');
  t.is(queued.attempts, 0);
  const status = await ended(queued.id);
  t.deepEqual([status.state, status.returnValue, status.attempts, status.error], ['succeeded', 0, 1, null]);
  t.is(await output(queued.id), 'hello');
});

test('async answers only after the call is durable', async (t) => {
  let durable = false;
  const { submit } = await start(t, {
    wrap: (queue) => ({
      ...queue,
      async enqueue(call) {
        const enqueued = await queue.enqueue(call);
        await new Promise((resolve) => setTimeout(resolve, 20));
        durable = true;
        return enqueued;
      },
    }),
  });
  await submit('x');
  t.true(durable);
});

test('a call is reached through its own user alone', async (t) => {
  const { ask, submit, ended, output } = await start(t);
  const { id } = await submit('secret');
  await ended(id);
  const eve = toUserName('eve');
  for (const op of ['status', 'output', 'cancel'] as const)
    await t.throwsAsync(ask(subjects.calls(op, eve, id)), {
      code: 'bad_name',
      message: /one of eve is eve-/,
    });
  t.is(await output(id), 'secret');
});

const refusedIds = test.macro<[string]>({
  async exec(t, id) {
    const { submit } = await start(t);
    await t.throwsAsync(submit('x', { [names.callId]: [id] }), { code: 'bad_name' });
  },
  title: (_, id) => `async refuses the id ${id} for a call of ann`,
});

test(refusedIds, '7');
test(refusedIds, callIdOf('eve', 'taken'));
test(refusedIds, 'ann-0123456789abcdefghijk');

test('async passes the id, the time and the trace on', async (t) => {
  const { submit, ended, invoked } = await start(t, { config: { callTimeoutMs: 9000 } });
  const beganMs = Date.now();
  const mine = callIdOf('ann', 'mine');
  const headers = {
    [names.callId]: [mine],
    [names.timeout]: ['1.5s'],
    [names.traceparent]: ['00-ab-cd-01'],
  };
  const { id } = await submit('x', headers);
  t.is(id, mine);
  await ended(id);
  t.like(invoked[0], { id: mine, user: 'ann', function: 'echo', rootId: mine, depth: 0, attempt: 1 });
  t.is(invoked[0]!.traceparent, '00-ab-cd-01');
  await ended((await submit('x', { [names.timeout]: ['1m'] })).id);
  for (const [at, timeMs] of [1500, 9000].entries()) {
    const { deadlineMs } = invoked[at]!;
    t.true(deadlineMs >= beganMs + timeMs - 10 && deadlineMs <= Date.now() + timeMs + 10);
  }
});

test('async refuses what cannot be a call', async (t) => {
  const { submit, ask, invoked } = await start(t, { config: { inputMaxBytes: 10 } });
  await t.throwsAsync(submit('x', {}, toFunctionName('missing')), { code: 'not_found' });
  await t.throwsAsync(submit('12345678901'), { code: 'too_large' });
  await t.throwsAsync(submit('x', { [names.timeout]: ['soon'] }), { code: 'bad_request' });
  await t.throwsAsync(submit('x', { [names.callId]: ['not an id'] }), { code: 'bad_name' });
  await t.throwsAsync(submit('x', { 'Nats-Msg-Id': ['k'.repeat(257)] }), { code: 'bad_request' });
  await t.throwsAsync(ask('faasm.async.a$b.echo'), { code: 'bad_name' });
  t.is(invoked.length, 0);
});

for (const name of ['Nats-Msg-Id', 'Idempotency-Key']) {
  test(`async with the same ${name} is the same call`, async (t) => {
    const { submit, ended, invoked } = await start(t);
    const [first, second] = await Promise.all([
      submit('x', { [name]: ['k'] }),
      submit('x', { [name]: ['k'] }),
    ]);
    t.is(first.id, second.id);
    await ended(first.id);
    const third = await submit('x', { [name]: ['k'] });
    t.deepEqual([third.id, third.state], [first.id, 'succeeded']);
    t.is(invoked.length, 1);
    t.not((await submit('x', { [name]: ['other'] })).id, first.id);
    await t.throwsAsync(submit('y', { [name]: ['k'] }), { code: 'idempotency_key_reused' });
  });
}

test('a user with too many queued calls is refused, but told of calls that are there', async (t) => {
  const { submit } = await start(t, { config: { runningMax: 1, queuedPerUserMax: 2 }, answer: never });
  const [, second] = [await submit('1'), await submit('2', { 'Nats-Msg-Id': ['k'] }), await submit('3')];
  const error = await t.throwsAsync(submit('4'), { instanceOf: FaasmError });
  t.is(error?.code, 'too_many_requests');
  t.true((error?.details.retryAfterMs ?? 0) > 0);
  t.is((await submit('2', { 'Nats-Msg-Id': ['k'] })).id, second.id);
});

test('a guest that fails is not run again, and its failure is the answer to output', async (t) => {
  const { submit, ended, output, invoked } = await start(t, { answer: fails('guest_trapped') });
  const status = await ended((await submit('x')).id);
  t.deepEqual([status.state, status.attempts, status.error?.code], ['failed', 1, 'guest_trapped']);
  t.is(status.error?.details.component, 'scheduler');
  await t.throwsAsync(output(status.id), { code: 'guest_trapped', message: 'it failed: guest_trapped' });
  t.is(invoked.length, 1);
});

test('a function that returns another value keeps that value', async (t) => {
  const { submit, ended } = await start(t, {
    answer() {
      throw new FaasmError('guest_returned', 'returned 7', { details: { returnValue: 7 } });
    },
  });
  const status = await ended((await submit('x')).id);
  t.deepEqual([status.state, status.returnValue], ['failed', 7]);
});

test('a call is run again after a failure of the system, until it succeeds', async (t) => {
  let left = 3;
  const { submit, ended, output } = await start(t, {
    answer: (call) => (left-- > 0 ? fails('executor_lost') : echoes)(call),
  });
  const status = await ended((await submit('x')).id);
  t.deepEqual([status.state, status.attempts, status.error], ['succeeded', 4, null]);
  t.is(await output(status.id), 'x');
});

test('a call is dead after as many attempts as allowed', async (t) => {
  const { submit, ended, invoked, output } = await start(t, {
    answer: fails('no_capacity'),
    config: { attemptsMax: 3 },
  });
  const status = await ended((await submit('x')).id);
  t.deepEqual([status.state, status.attempts, status.error?.code], ['dead', 3, 'no_capacity']);
  t.is(invoked.length, 3);
  await t.throwsAsync(output(status.id), { code: 'no_capacity' });
});

test('output of a call that has not ended is a conflict that says its state', async (t) => {
  const { submit, output } = await start(t, { config: { runningMax: 1 }, answer: never });
  const running = await submit('1');
  const queued = await submit('2');
  await t.throwsAsync(output(running.id), { code: 'conflict', message: /is running/ });
  await t.throwsAsync(output(queued.id), { code: 'conflict', message: /is queued/ });
});

test('output gives ranges, and refuses what an answer cannot hold', async (t) => {
  const { submit, ended, output, ask } = await start(t, {
    maxPayloadBytes: 20_000,
    answer: () => new Uint8Array(19_000).fill(65),
  });
  const { id } = await ended((await submit('x')).id);
  await t.throwsAsync(output(id), { code: 'too_large' });
  const range = { [resourceHeaders.offset]: ['18000'], [resourceHeaders.length]: ['5000'] };
  const answer = await ask(subjects.calls('output', ann, id), emptyBody, range);
  t.is(toBytes(answer.body).length, 1000);
  t.is(header(answer, resourceHeaders.size), '19000');
});

test('an unknown call is not found', async (t) => {
  const { ask } = await start(t);
  for (const op of ['status', 'output', 'cancel'] as const) {
    await t.throwsAsync(ask(subjects.calls(op, ann, callIdOf('ann', 'nobody'))), { code: 'not_found' });
  }
  await t.throwsAsync(ask(`faasm.calls.frob.ann.${callIdOf('ann', 'x')}`), { code: 'no_responders' });
});

test('cancel of a queued call keeps it from running', async (t) => {
  const { asked, answer } = waits();
  const { submit, ask, ended, output, invoked } = await start(t, { config: { runningMax: 1 }, answer });
  const first = await submit('1');
  const second = await submit('2');
  const third = await submit('3');
  const status = readBody(await ask(subjects.calls('cancel', ann, second.id)), callStatusCodec);
  t.is(status.state, 'cancelled');
  await t.throwsAsync(output(second.id), { code: 'cancelled' });
  while (asked.length < 1) await new Promise((resolve) => setTimeout(resolve, 2));
  asked[0]!();
  await ended(first.id);
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  asked[1]!();
  await ended(third.id);
  t.deepEqual(
    invoked.map(({ input }) => Buffer.from(input).toString()),
    ['1', '3'],
  );
});

test('cancel of a running call tells whoever runs it, and its late result changes nothing', async (t) => {
  const { asked, answer: echo } = waits();
  const { submit, ask, status, cancelled } = await start(t, { answer: echo });
  const { id } = await submit('1');
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const answer = readBody(await ask(subjects.calls('cancel', ann, id)), callStatusCodec);
  t.is(answer.state, 'cancelled');
  t.deepEqual(cancelled, [id]);
  asked[0]!();
  await submit('2');
  t.is((await status(id)).state, 'cancelled');
  const again = readBody(await ask(subjects.calls('cancel', ann, id)), callStatusCodec);
  t.is(again.state, 'cancelled');
});

test('results expire', async (t) => {
  const file = temporaryFile(t);
  const before = await start(t, { file });
  const { id } = await before.ended((await before.submit('x')).id);
  await before.stop();
  const after = await start(t, { file, config: { resultKeptMs: -1000 } });
  const gone = async (): Promise<unknown> => {
    for (;;) await after.status(id);
  };
  await t.throwsAsync(gone, { code: 'not_found' });
});

test('what was queued and running runs after a restart, in order', async (t) => {
  const file = temporaryFile(t);
  const before = await start(t, { file, drainTimeoutMs: 1, config: { runningMax: 1 }, answer: never });
  const calls = [await before.submit('1'), await before.submit('2'), await before.submit('3')];
  while (before.invoked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await before.stop();
  const after = await start(t, { file, config: { runningMax: 1 } });
  for (const { id } of calls) t.is((await after.ended(id)).state, 'succeeded');
  t.deepEqual(
    after.invoked.map(({ input }) => Buffer.from(input).toString()),
    ['1', '2', '3'],
  );
  t.is((await after.status(calls[0]!.id)).attempts, 1, 'no executor had begun it');
  t.is((await after.status(calls[1]!.id)).attempts, 1);
});

test('stop() waits for running calls and keeps their results', async (t) => {
  const file = temporaryFile(t);
  const { asked, answer } = waits();
  const before = await start(t, { file, drainTimeoutMs: 60_000, answer });
  const { id } = await before.submit('x');
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const stopping = before.stop();
  asked[0]!();
  await stopping;
  const after = await start(t, { file });
  t.is((await after.status(id)).state, 'succeeded');
  t.is(after.invoked.length, 0);
});

test('a call that ends after stop() is left to the next run, and its end is not stored', async (t) => {
  const { asked, answer } = waits();
  let ends = 0;
  const { submit, actor } = await start(t, {
    answer,
    wrap: (queue) => ({
      ...queue,
      async finish() {
        ends++;
      },
    }),
  });
  await submit('x');
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await actor.stop(1);
  asked[0]!();
  await new Promise((resolve) => setImmediate(resolve));
  t.is(ends, 0);
});

test('a result that cannot be stored is stored later', async (t) => {
  let failures = 1;
  const { submit, ended } = await start(t, {
    wrap: (queue) => ({
      ...queue,
      async finish(id, end) {
        if (failures-- > 0) throw new FaasmError('storage_unavailable', 'the disk is full');
        await queue.finish(id, end);
      },
    }),
  });
  t.is((await ended((await submit('x')).id)).state, 'succeeded');
  t.is(failures, -1);
});

test('no acknowledged call is lost when the process is killed', async (t) => {
  const file = temporaryFile(t);
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [
      new URL('../calls/killed-submitter.ts', import.meta.url).pathname,
      file,
    ]);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (++seen === 100 + 37 * round) child.kill('SIGKILL');
    }
    await exited;
  }
  t.true(acknowledged.length >= 411);
  const { ended, output } = await start(t, { file });
  for (const line of acknowledged) {
    const [id = '', input = ''] = line.split(' ');
    t.is((await ended(id as CallId)).state, 'succeeded');
    t.is(await output(id as CallId), input);
  }
});
