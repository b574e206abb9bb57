/** The worker pool's shell, before any call is on an executor. */
import '../../actors/v8-flags.ts';
import test, { type ExecutionContext } from 'ava';
import { startWorkerPool } from '../../actors/worker-pool.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { noSettings } from '../../proto/function-settings.ts';
import { toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody } from '../../src/bus/port.ts';
import { answerInside } from '../../src/bus/private.ts';
import { callCodec } from '../../src/calls/codec.ts';
import { loadConfig } from '../../src/config/config.ts';
import { FaasletTable } from '../../src/faaslet/faaslet-budget.ts';
import { type Program, programKey } from '../../src/faaslet/program.ts';
import { programTopic } from '../../src/functions/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { callIdOf } from '../call-ids.ts';
import { noLog } from '../state/host.ts';

const user = toUserName('ada');
const name = toFunctionName('f');
const host = toHostId('here');
const subjects = createPublicSubjects();
const control = createControlSubjects();

const program: Program = {
  key: programKey(user, name, '1'),
  version: '1',
  user,
  function: name,
  settings: noSettings,
  module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)),
  imports: [],
  layout: undefined as never,
  proto: undefined,
};

/** A pool without executors, and a functions actor that gives a program when it is told to. */
async function start(t: ExecutionContext) {
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  answerInside(privateBus, privateSubjects.program(), programTopic, async () => {
    asked.resolve();
    await gate.promise;
    return { program, release() {} };
  });
  const config = loadConfig().pool;
  const pool = await startWorkerPool({
    powers: nodePowers,
    startExecutor() {
      throw new Error('No call is to be run');
    },
    bus,
    privateBus,
    subjects,
    control,
    config: {
      chains: config.chains,
      limits: { ...config.limits, executorsSpare: 0 },
      identity: { host, instance: 'i', stores: { functions: 'f', state: 's' }, cores: 1 },
    },
    log: noLog,
    memory: new FaasletTable(1, { countMax: 1, bytesMax: 1, userBytesMax: 1 }),
    newCallId: () => callIdOf(user, 'new'),
  });
  t.teardown(() => pool.stop());
  const run = async (id: string) => {
    const call = {
      id: callIdOf(user, id),
      user,
      function: name,
      version: '1',
      input: new Uint8Array(0),
      rootId: callIdOf(user, id),
      depth: 0,
      deadlineMs: nodePowers.clock.steadyMs() + 100,
    };
    const answer = await privateBus.request(privateSubjects.run(), new Encodable(call, callCodec), {
      timeoutMs: 0,
    });
    return expectAnswer(answer);
  };
  return { bus, run, pool, asked: asked.promise, give: () => gate.resolve() };
}

test('a call that is cancelled while its program is loaded does not run', async (t) => {
  const { bus, run, asked, give, pool } = await start(t);
  const answer = run('a');
  await asked;
  bus.publish(subjects.cancel(user, callIdOf(user, 'a')), emptyBody);
  give();
  await t.throwsAsync(answer, { code: 'cancelled' });
  t.is(pool.callsUnderWay(), 0);
});
