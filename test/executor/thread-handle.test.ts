import '../../actors/v8-flags.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { answerGuests } from '../../src/asks/asks.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type Bus, Encodable } from '../../src/bus/port.ts';
import type { Executor, ExecutorEvents, ExecutorSettings } from '../../src/executor/port.ts';
import { ThreadExecutor } from '../../src/executor/thread-handle.ts';
import { createThreadExecutors } from '../../src/executor/threads.ts';
import { FaasletTable } from '../../src/faaslet/faaslet-budget.ts';
import { filesOfCodec } from '../../src/files/messages.ts';
import { FileRevisions } from '../../src/guest/files/file-feed.ts';
import { nodePowers } from '../../src/power/node.ts';
import { ada, executorContract, toProgram } from '../_contracts/executor.ts';
import { callIdOf } from '../call-ids.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-executor-'));
test.after.always(() => rm(folder, { recursive: true }));

const MiB = 1024 * 1024;
const faasletLimits = { countMax: 1000, bytesMax: 100 * MiB, userBytesMax: 100 * MiB };
const settings: ExecutorSettings = {
  memory: 'copy',
  limits: {
    inputMaxBytes: MiB,
    outputMaxBytes: MiB,
    stderrMaxBytes: 1000,
    chainedCallsMax: 10,
  },
  sideModules: { maxBytes: MiB, tableMaxElements: 1000, compileMaxBytes: 256 * MiB },
  stateAccess: 'synchronous',
  fileLimits: { bytes: MiB, inodes: 100, openFiles: 10 },
  faasletLimits,
  chainDepthMax: 10,
  contentFolder: folder,
  codeFolder: folder,
  begunFolder: folder,
  config: [],
};

executorContract('thread', (t, ask, events) => {
  const faaslets = new FaasletTable(1, faasletLimits);
  const fileRevisions = new FileRevisions().buffer;
  return killed(
    t,
    events,
    (watched) => new ThreadExecutor(1, 'tried', { settings, faaslets, fileRevisions, ask }, watched),
  );
});

/** A thread is ended with its test. */
function killed(
  t: ExecutionContext,
  events: ExecutorEvents,
  start: (events: ExecutorEvents) => Executor,
): Executor {
  const gone = Promise.withResolvers<void>();
  const executor = start({
    ...events,
    gone(...parameters) {
      events.gone(...parameters);
      gone.resolve();
    },
  });
  t.teardown(async () => {
    executor.kill('the test is over');
    await gone.promise;
  });
  return executor;
}

const noEvents: ExecutorEvents = {
  ready() {},
  ended() {},
  initialized() {},
  chain() {},
  chained() {},
  full() {},
  crowded() {},
  gone() {},
};

function startOn(t: ExecutionContext, privateBus: Bus, events: Partial<ExecutorEvents>): Executor {
  const faaslets = new FaasletTable(1, faasletLimits);
  const startExecutor = createThreadExecutors({ settings, faaslets, privateBus });
  return killed(t, { ...noEvents, ...events }, (watched) => startExecutor(1, 'tried', watched));
}

const nothing = new Uint8Array(0);
const callOf = (id: string) => ({ id: callIdOf(ada, id), user: ada, input: nothing, depth: 0 });

test('a thread that blocks for the files of a user hears other answers meanwhile', async (t) => {
  const privateBus = createMemoryBus({ powers: nodePowers });
  const buckets = Promise.withResolvers<{ names: readonly string[] }>();
  const asked = Promise.withResolvers<void>();
  answerGuests(privateBus, 'objects', 'list', () => {
    asked.resolve();
    return buckets.promise;
  });
  const listed: string[] = [];
  answerGuests(privateBus, 'files', 'index', async (user) => {
    buckets.resolve({ names: ['a', 'b', 'c'] });
    await new Promise((resolve) => setTimeout(resolve, 10));
    listed.push(user);
    return new TextEncoder().encode('[]');
  });
  const ends = new Map<string, Uint8Array>();
  const both = Promise.withResolvers<void>();
  const executor = startOn(t, privateBus, {
    ended(id, { output }) {
      ends.set(id, output);
      if (ends.size === 2) both.resolve();
    },
  });
  executor.run(callOf('waits'), await toProgram('asks'));
  await asked.promise;
  privateBus.tell(privateSubjects.fileChanged(), new Encodable(ada, filesOfCodec));
  executor.run(callOf('next'), await toProgram('echo'));
  await both.promise;
  t.deepEqual(listed, ['ada']);
  t.deepEqual(ends.get(callIdOf(ada, 'waits')), Uint8Array.of(3));
});
