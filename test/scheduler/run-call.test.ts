/** Calls that are admitted, on a bus with hosts that only take calls, in virtual time. */
import test from 'ava';
import type { Call } from '../../proto/call.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import { type HostId, toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type Bus, Encodable, readBody, respond } from '../../src/bus/port.ts';
import { callCodec, callResultCodec } from '../../src/calls/codec.ts';
import { functionDescriptionCodec } from '../../src/functions/messages.ts';
import { createSchedulerState, decide } from '../../src/scheduler/decide.ts';
import { OtherHosts } from '../../src/scheduler/other-hosts.ts';
import { runBetween } from '../../src/scheduler/run-between.ts';
import { CallRunner } from '../../src/scheduler/run-call.ts';
import { callIdOf } from '../call-ids.ts';
import { createRandom } from '../random.ts';
import { createSimPowers } from '../sim/powers.ts';
import { World } from '../sim/world.ts';
import { status } from './_status.ts';

const subjects = createPublicSubjects();
const control = createControlSubjects();
const ada = toUserName('ada');
const f = toFunctionName('f');
const version = 'a'.repeat(64);
const here = toHostId('here');
const [one, two] = [toHostId('one'), toHostId('two')];
const limits = {
  callsPerUserMax: 1000,
  inputMaxBytes: 1000,
  hostSilentMs: 5000,
  awayUs: 100,
  awayUsPerByte: 0,
  coldUs: 0,
};

function start({ knows = true } = {}) {
  const world = new World(1);
  const powers = createSimPowers(world, world.own, { drift: 0, offsetMs: 0 }, world.random);
  const { clock } = powers;
  const [bus, privateBus] = [createMemoryBus({ powers }), createMemoryBus({ powers })];
  const state = createSchedulerState({ host: here, instance: 'here-1', store: 'shared' }, limits, () => 0);
  const others = new OtherHosts({ clock, bus, subjects, control });
  const runner = new CallRunner({ clock, bus, privateBus, subjects, state, others });
  const hear = (host: HostId, backlogUs: number) =>
    decide(state, { type: 'status', status: status(host, { backlogUs }), nowMs: clock.monotonicMs() });
  if (knows) {
    const change = { user: ada, name: f, version, revision: 1, store: 'shared' };
    decide(state, { type: 'changed', change });
  }
  const ran: string[] = [];
  const serve = (host: HostId, on: Bus, subject: string) =>
    on.subscribe(subject, (message) => {
      const { id, input } = readBody(message, callCodec);
      ran.push(host);
      respond(on, message, new Encodable({ id, output: input, returnValue: 0, ranUs: 10 }, callResultCodec));
    });
  serve(here, privateBus, privateSubjects.run());
  const takesCalls = (host: HostId) => serve(host, bus, control.call(host));
  const cancelled: string[] = [];
  bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => void cancelled.push(subject));
  const call = (name: string, more: Partial<Call> = {}): Call => {
    const id = callIdOf('ada', name);
    const deadlineMs = clock.steadyMs() + 1000;
    return {
      id,
      user: ada,
      function: f,
      input: Buffer.from(name),
      rootId: id,
      depth: 0,
      deadlineMs,
      ...more,
    };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { world, bus, state, others, runner, hear, ran, takesCalls, cancelled, call, settled };
}

test('a call goes on to the next host where nobody takes it, and runs here at last', async (t) => {
  const { runner, hear, ran, takesCalls, call, state } = start();
  hear(here, 1_000_000);
  hear(one, 0);
  hear(two, 10);
  const second = takesCalls(two);
  const { output } = await runner.run(call('a'));
  t.is(Buffer.from(output).toString(), 'a');
  second.unsubscribe();
  hear(one, 0);
  hear(two, 10);
  await runner.run(call('b'));
  t.deepEqual(ran, [two, here]);
  t.is(state.calls.size, 0);
});

test('a call whose host is lost ends, is cancelled there, and counts no more', async (t) => {
  const { bus, others, runner, hear, cancelled, call, state } = start();
  hear(here, 1_000_000);
  hear(one, 0);
  bus.subscribe(control.call(one), () => {});
  const lost = call('a');
  const failed = t.throwsAsync(runner.run(lost), { code: 'executor_lost' });
  others.lost([lost.id]);
  await failed;
  t.deepEqual(cancelled, [subjects.cancel(ada, lost.id)]);
  t.is(state.calls.size, 0);
  others.lost([lost.id]);
});

test('a call that another host does not answer in time ends a little later, with its name', async (t) => {
  const { world, bus, runner, hear, cancelled, call, settled } = start();
  hear(here, 1_000_000);
  hear(one, 0);
  bus.subscribe(control.call(one), () => {});
  let ended = false;
  const failed = t
    .throwsAsync(runner.run(call('a')), { code: 'deadline_exceeded', message: /ada\/f .*host one/ })
    .then(() => (ended = true));
  await settled();
  await world.run(1050);
  t.false(ended);
  await world.run(100);
  await failed;
  t.is(cancelled.length, 1);
});

test('what another host says of a call is not tried elsewhere', async (t) => {
  const { bus, runner, hear, ran, cancelled, call } = start();
  hear(here, 1_000_000);
  hear(one, 0);
  bus.subscribe(control.call(one), (message) =>
    respondError(bus, message, new FaasmError('no_capacity', 'full')),
  );
  await t.throwsAsync(runner.run(call('a')), { code: 'no_capacity' });
  t.deepEqual([ran, cancelled], [[], []]);
});

test('a function that is not known here is looked for, and known from then on', async (t) => {
  const { bus, runner, ran, call } = start({ knows: false });
  let asked = 0;
  bus.subscribe(subjects.functions('describe', ada, f), (message) => {
    asked++;
    const description = { user: ada, name: f, live: version, versions: [], revision: 1 };
    respond(bus, message, new Encodable(description, functionDescriptionCodec));
  });
  await runner.run(call('a'));
  await runner.run(call('b'));
  t.deepEqual([asked, ran.length], [1, 2]);
});

for (const [code, told] of [
  ['not_found', 'not_found'],
  ['storage_unavailable', 'storage_unavailable'],
] as const) {
  test(`looking for a function that ends with ${code} ends its call with ${told}`, async (t) => {
    const { bus, runner, call, state } = start({ knows: false });
    bus.subscribe(subjects.functions('describe', ada, f), (message) =>
      respondError(bus, message, new FaasmError(code, 'as it is')),
    );
    const error = await t.throwsAsync(runner.run(call('a')), { code: told });
    if (code === 'not_found') t.regex(error!.message, /upload it with PUT/);
    t.is(state.calls.size, 0);
  });
}

for (const seed of [7, 8]) {
  test(`every call ends once, wherever hosts come and go, and none counts after it (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const { world, runner, hear, takesCalls, call, state, others, settled } = start();
    const there = new Map<HostId, ReturnType<typeof takesCalls>>();
    const ends = new Map<string, number>();
    for (let step = 0; step < 300; step++) {
      const host = random.pick([one, two]);
      const kind = random.below(6);
      if (kind === 0 && !there.has(host)) there.set(host, takesCalls(host));
      else if (kind === 1) {
        there.get(host)?.unsubscribe();
        there.delete(host);
      } else if (kind === 2) hear(random.pick([here, one, two]), random.below(3) * 1_000_000);
      else if (kind === 3) {
        const effect = decide(state, { type: 'tick', nowMs: world.nowMs });
        if (effect?.type === 'lost') others.lost(effect.calls);
      } else {
        const name = `c${step}`;
        const count = (): void => void ends.set(name, (ends.get(name) ?? 0) + 1);
        void Promise.resolve(call(name))
          .then((made) => runner.run(made))
          .then(count, count);
      }
      await settled();
      await world.run(random.below(500));
    }
    await settled();
    await world.run(10_000);
    t.true(ends.size > 50);
    t.true([...ends.values()].every((times) => times === 1));
    t.deepEqual([state.calls.size, state.callsOfUser.size], [0, 0]);
  });
}

const places = { input: { kind: 'redis', key: 'in' }, output: { kind: 'redis', key: 'out' } } as const;

function createData() {
  const done: string[] = [];
  const data = {
    check: () => void done.push('check'),
    read: async () => {
      done.push('read');
      return Buffer.from('brought');
    },
    write: async (_user: string, _place: object, bytes: Uint8Array) => {
      done.push(`write ${Buffer.from(bytes)}`);
    },
  };
  const run = async ({ id, input }: Call) => {
    done.push(`run ${Buffer.from(input)}`);
    return { id, output: input, returnValue: 0 };
  };
  return { data, done, run };
}

const none = { input: undefined, output: undefined };
for (const [what, where, input, did, output] of [
  ['nowhere', none, 'own', ['run own'], 'own'],
  ['in', { ...none, input: places.input }, '', ['read', 'run brought'], 'brought'],
  ['out', { ...none, output: places.output }, 'own', ['check', 'run own', 'write own'], ''],
  ['both', places, '', ['check', 'read', 'run brought', 'write brought'], ''],
] as const) {
  test(`runBetween() brings and puts away what is elsewhere: ${what}`, async (t) => {
    const { data, done, run } = createData();
    const call = start().call('a', { input: Buffer.from(input) });
    const result = await runBetween(data, call, where, run);
    t.deepEqual(done, did as unknown as string[]);
    t.is(Buffer.from(result.output).toString(), output);
  });
}

test('runBetween() takes no input twice', async (t) => {
  const { data, done, run } = createData();
  await t.throwsAsync(runBetween(data, start().call('a'), places, run), { code: 'bad_request' });
  t.deepEqual(done, []);
});
