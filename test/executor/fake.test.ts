import test from 'ava';
import type { CallEnd } from '../../proto/call.ts';
import { toFunctionName } from '../../proto/names.ts';
import { createFakeExecutors, type FakeGuest, type FakeHost } from '../../src/executor/fake.ts';
import { nodePowers } from '../../src/power/node.ts';
import { ada, executorContract, type GuestName, toProgram } from '../_contracts/executor.ts';
import { callIdOf } from '../call-ids.ts';

const nothing = new Uint8Array(0);
const echo = toFunctionName('echo');

const scripts: Readonly<Record<GuestName, (input: Uint8Array, host: FakeHost) => Promise<CallEnd>>> = {
  echo: async (input) => ({ output: input, returnValue: 0 }),
  fails: async () => ({
    output: nothing,
    returnValue: 3,
    error: { code: 'guest_returned', message: 'returned 3', details: {} },
  }),
  async spins(_input, host) {
    await host.compute(Number.POSITIVE_INFINITY);
    return { output: nothing, returnValue: 0 };
  },
  async asks(_input, host) {
    const answer = await host.ask('objects', 'list', { bucket: '', key: '', bytes: nothing });
    const { names } = answer as { names: readonly string[] };
    return { output: Uint8Array.of(names.length), returnValue: 0 };
  },
  async chains(input, host) {
    const { returnValue } = await host.await(host.chain(echo, input));
    return { output: Uint8Array.of(returnValue), returnValue: 0 };
  },
  async leaves(_input, host) {
    host.chain(echo, nothing);
    return { output: nothing, returnValue: 0 };
  },
};

const guest: FakeGuest = ({ input }, program, host) => scripts[program.function as GuestName](input, host);
const { timers } = nodePowers;

executorContract('fake', (_t, ask, events) =>
  createFakeExecutors({ timers, guest, ask })(1, 'tried', events),
);

test('a fake has no time but that of its timers', async (t) => {
  const due: [atMs: number, work: () => void][] = [];
  let nowMs = 0;
  const virtual = {
    after(delayMs: number, work: () => void) {
      due.push([nowMs + delayMs, work]);
      return undefined as never;
    },
  };
  const told: string[] = [];
  const events = new Proxy({} as never, {
    get: (_none, name) => () => told.push(`${nowMs} ${String(name)}`),
  });
  const start = createFakeExecutors({
    timers: virtual,
    startMs: 30,
    ask: () => Promise.reject(new Error('nobody asks')),
    async guest(_call, _program, host) {
      await host.compute(1000);
      await host.sleep(86_400_000);
      return { output: nothing, returnValue: 0 };
    },
  });
  const executor = start(1, 'tried', events);
  executor.run({ id: callIdOf(ada, 'c'), user: ada, input: nothing, depth: 0 }, await toProgram('echo'));
  while (due.length > 0) {
    due.sort(([left], [right]) => left - right);
    const [atMs, work] = due.shift()!;
    nowMs = atMs;
    work();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
  t.deepEqual(told, ['30 ready', '86401030 ended']);
});

test('a fake with no room for another call gives it back', async (t) => {
  const told: string[] = [];
  const ended = Promise.withResolvers<void>();
  const start = createFakeExecutors({
    timers,
    faasletsMax: 1,
    ask: () => new Promise(() => {}),
    guest: async (_call, _program, host) => {
      await host.ask('objects', 'list', undefined);
      return { output: nothing, returnValue: 0 };
    },
  });
  const events = new Proxy({} as never, {
    get: (_none, name) => (id: unknown) => {
      told.push(name === 'full' ? `full ${id}` : String(name));
      if (name === 'full') ended.resolve();
    },
  });
  const executor = start(1, 'tried', events);
  const program = await toProgram('asks');
  for (const id of ['a', 'b']) {
    executor.run({ id: callIdOf(ada, id), user: ada, input: nothing, depth: 0 }, program);
  }
  await ended.promise;
  t.deepEqual(told, ['ready', 'crowded', `full ${callIdOf(ada, 'b')}`]);
});
