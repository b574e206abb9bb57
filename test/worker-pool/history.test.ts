/** A worker pool whose executors are fakes, in virtual time: whatever calls do, each of them is answered once. */
import test from 'ava';
import { startWorkerPool } from '../../actors/worker-pool.ts';
import type { Call } from '../../proto/call.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { HostStatus } from '../../proto/messages.ts';
import {
  type CallId,
  toCallId,
  toFunctionName,
  toHostId,
  toUserName,
  type UserName,
} from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, readBody } from '../../src/bus/port.ts';
import { answerInside, askInside } from '../../src/bus/private.ts';
import { callCodec, callResultCodec } from '../../src/calls/codec.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createFakeExecutors, type FakeGuest } from '../../src/executor/fake.ts';
import { FaasletTable } from '../../src/faaslet/faaslet-budget.ts';
import { type Program, programKey } from '../../src/faaslet/program.ts';
import { functionChangedCodec, programTopic } from '../../src/functions/messages.ts';
import { admitTopic, hostStatusCodec } from '../../src/scheduler/messages.ts';
import { callEventsCodec, executorGoneCodec, initializeTopic } from '../../src/worker-pool/messages.ts';
import { createRandom } from '../random.ts';
import { createSimPowers } from '../sim/powers.ts';
import { World } from '../sim/world.ts';
import { noLog } from '../state/host.ts';

const subjects = createPublicSubjects();
const control = createControlSubjects();
const host = toHostId('here');
const f = toFunctionName('f');
const users = [toUserName('ada'), toUserName('bob')] as const;
const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

const programOf = (user: UserName, version: string): Program => ({
  key: programKey(user, f, version),
  version,
  user,
  function: f,
  settings: noSettings,
  module,
  imports: [],
  layout: undefined as never,
  proto: undefined,
});

const deeds = [
  'echoes',
  'computes',
  'sleeps',
  'spins',
  'throws',
  'awaits',
  'leaves',
  'chains nobody',
] as const;

const guest: FakeGuest = async ({ input }, _program, guestHost) => {
  const echo = Uint8Array.of(0);
  const deed = deeds[input[0]!]!;
  if (deed === 'computes') await guestHost.compute(3);
  if (deed === 'sleeps') await guestHost.sleep(50);
  if (deed === 'spins') await guestHost.compute(Number.POSITIVE_INFINITY);
  if (deed === 'throws') throw new Error('The guest failed');
  if (deed === 'awaits') await guestHost.await(guestHost.chain(f, echo));
  if (deed === 'leaves') guestHost.chain(f, echo);
  if (deed === 'chains nobody') guestHost.chain(toFunctionName('nobody'), echo);
  return { output: input, returnValue: 0 };
};

async function start() {
  const world = new World(1);
  const powers = createSimPowers(world, world.own, { drift: 0, offsetMs: 0 }, world.random);
  const [bus, privateBus] = [createMemoryBus({ powers }), createMemoryBus({ powers })];
  let lastId = 0;
  const newCallId = (user: UserName): CallId =>
    toCallId(`${user}-${String(++lastId).padStart(22, '0')}`, user);
  const answers = new Map<CallId, string[]>();
  let asked = 0;
  const run = async (call: Call): Promise<void> => {
    asked++;
    const told = answers.get(call.id) ?? [];
    answers.set(call.id, told);
    try {
      const message = new Encodable(call, callCodec);
      const answer = await privateBus.request(privateSubjects.run(), message, { timeoutMs: 0 });
      const { error } = readBody(expectAnswer(answer), callResultCodec);
      told.push(error?.code ?? 'ok');
    } catch (thrown) {
      told.push((thrown as { code: string }).code);
    }
  };
  // As the scheduler: what is chained runs here as well.
  answerInside(privateBus, privateSubjects.admit(), admitTopic, async ({ call }) => {
    const deadlineMs = Math.min(call.deadlineMs, powers.clock.steadyMs() + 1000);
    await run({ ...call, deadlineMs });
    return { id: call.id, output: emptyBody, returnValue: 0 };
  });
  const kept = new Set<Program>();
  answerInside(privateBus, privateSubjects.program(), programTopic, async ({ user, version }) => {
    await powers.timers.sleep(2);
    const program = programOf(user, version);
    kept.add(program);
    return { program, release: () => void kept.delete(program) };
  });
  const owners: string[] = [];
  privateBus.subscribe(privateSubjects.executorGone(), (message) => {
    owners.push(readBody(message, executorGoneCodec).owner);
  });
  const told: string[] = [];
  bus.subscribe(subjects.callEvents('*'), (message) => {
    told.push(...readBody(message, callEventsCodec).map(({ id }) => id));
  });
  const statuses: HostStatus[] = [];
  bus.subscribe(control.status(host), (message) => void statuses.push(readBody(message, hostStatusCodec)));
  const config = loadConfig().pool;
  const pool = await startWorkerPool({
    powers,
    startExecutor: createFakeExecutors({
      timers: powers.timers,
      guest,
      ask: () => Promise.reject(new Error('Nothing is asked')),
      startMs: 20,
      faasletsMax: 8,
    }),
    bus,
    privateBus,
    subjects,
    control,
    config: {
      chains: config.chains,
      limits: { ...config.limits, executorsMax: 4, executorsSpare: 1 },
      identity: { host, instance: 'i', stores: { functions: 'f', state: 's' }, cores: 2 },
    },
    log: noLog,
    memory: new FaasletTable(8, { countMax: 100, bytesMax: 1e9, userBytesMax: 1e9 }),
    newCallId,
  });
  const live = (user: UserName, version: string | null) => {
    const change = { user, name: f, version, revision: world.nowMs + 1, store: 'f' };
    privateBus.publish(privateSubjects.functionChanged(), new Encodable(change, functionChangedCodec));
  };
  for (const user of users) live(user, '1');
  const call = (user: UserName, deed: (typeof deeds)[number]): Call => {
    const id = newCallId(user);
    const deadlineMs = powers.clock.steadyMs() + 200;
    return {
      id,
      user,
      function: f,
      input: Uint8Array.of(deeds.indexOf(deed)),
      rootId: id,
      depth: 0,
      deadlineMs,
    };
  };
  const cancel = ({ user, id }: Call) => bus.publish(subjects.cancel(user, id), emptyBody);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const initialize = (user: UserName) =>
    askInside(privateBus, privateSubjects.initialize(), initializeTopic, {
      program: programOf(user, '1'),
      deadlineMs: powers.clock.steadyMs() + 1000,
    });
  const endOf = ({ id }: Call) => answers.get(id)?.at(-1);
  return {
    world,
    pool,
    initialize,
    run,
    asked: () => asked,
    call,
    endOf,
    cancel,
    live,
    answers,
    owners,
    told,
    statuses,
    kept,
    turn,
  };
}

for (const seed of [21, 22, 23]) {
  test(`each call is answered once, whatever it does and whoever cancels it (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const host = await start();
    const { world, pool, answers, told, turn } = host;
    const calls: Call[] = [];
    for (let step = 0; step < 250; step++) {
      const user = random.pick(users);
      const kind = random.below(12);
      if (kind === 0 && calls.length > 0) host.cancel(random.pick(calls.slice(-10)));
      else if (kind === 1) host.live(user, String(random.below(3)));
      else if (kind === 2 && calls.length > 0) void host.run(calls.at(-1)!);
      else {
        const call = host.call(user, random.pick(deeds));
        calls.push(call);
        void host.run(call);
      }
      await turn();
      await world.run(random.below(15));
    }
    await turn();
    await world.run(5000);
    t.is(pool.callsUnderWay(), 0);
    const ends = [...answers.values()].flat();
    t.is(ends.length, host.asked());
    for (const code of ['ok', 'cancelled', 'conflict', 'deadline_exceeded', 'chain_refused']) {
      t.true(ends.includes(code), code);
    }
    t.true(told.length > 100);
    for (const id of told)
      t.true(answers.get(id as CallId)!.length >= told.filter((one) => one === id).length);
    t.true(host.owners.length > 0);
    t.is(new Set(host.owners).size, host.owners.length);
    await pool.drain(1000);
    const stopping = pool.stop();
    await world.run(10_000);
    await stopping;
    t.is(host.statuses.at(-1)?.phase, 'gone');
  });
}

test('drain() waits for what runs and what it chained, and no longer than it is told', async (t) => {
  const { world, pool, run, call, endOf, turn, answers } = await start();
  const [short, chaining, long] = [
    call(users[0], 'sleeps'),
    call(users[0], 'leaves'),
    call(users[1], 'spins'),
  ];
  for (const each of [short, chaining, long]) void run(each);
  await turn();
  await world.run(40);
  const drained = pool.drain(100);
  await turn();
  await world.run(100);
  await drained;
  t.deepEqual([short, chaining, long].map(endOf), ['ok', 'ok', undefined]);
  t.is(answers.size, 4);
  const stopping = pool.stop();
  await world.run(100);
  await stopping;
  t.is(endOf(long), 'executor_lost');
});

test('stop() tells those that wait for an executor that they did not begin, and starts none', async (t) => {
  const { world, pool, run, call, endOf, turn, statuses, kept } = await start();
  pool.leave();
  t.is(statuses.at(-1)?.phase, 'draining');
  const calls = Array.from({ length: 200 }, () => call(users[0], 'spins'));
  for (const each of calls) void run(each);
  await turn();
  await world.run(60);
  const stopping = pool.stop();
  await world.run(6000);
  await stopping;
  const ends = calls.map(endOf);
  t.deepEqual([...new Set(ends)].sort(), ['draining', 'executor_lost']);
  t.is(statuses.at(-1)?.phase, 'gone');
  t.is(pool.callsUnderWay(), 0);
  t.is(kept.size, 1);
});

test('a program that is not live any more is released when its last call has ended', async (t) => {
  const { world, run, call, live, kept, turn } = await start();
  const running = call(users[0], 'sleeps');
  void run(running);
  await turn();
  await world.run(30);
  live(users[0], '2');
  t.is(kept.size, 1);
  await world.run(100);
  t.is(kept.size, 0);
});

test('an initialisation is answered with what it left, beside calls of its user', async (t) => {
  const { world, initialize, turn, pool } = await start();
  const left = initialize(users[0]);
  await turn();
  t.is(pool.callsUnderWay(), 1);
  await world.run(100);
  t.is(await left, undefined);
  t.is(pool.callsUnderWay(), 0);
});
