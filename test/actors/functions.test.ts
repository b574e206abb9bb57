/** The functions actor of a host that shares its store with another one. */
import '../../actors/v8-flags.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startFunctions } from '../../actors/functions.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import { toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, readBody } from '../../src/bus/port.ts';
import { askInside } from '../../src/bus/private.ts';
import { createAsyncify } from '../../src/functions/asyncify.ts';
import {
  functionChangedCodec,
  functionDescriptionCodec,
  programTopic,
} from '../../src/functions/messages.ts';
import { openFunctionStore } from '../../src/functions/open-store.ts';
import type { FunctionStore } from '../../src/functions/port.ts';
import { createPreparer, type Preparer } from '../../src/functions/preparer.ts';
import { createLog } from '../../src/log.ts';
import { createCopyMemory } from '../../src/memory/copy.ts';
import { nodePowers } from '../../src/power/node.ts';
import { wasm } from '../e2e/_host.ts';

const subjects = createPublicSubjects();
const control = createControlSubjects();
const user = toUserName('ada');
const name = toFunctionName('f');
const returning = (value: number) =>
  wasm(`(module (memory (export "memory") 1) (func (export "exec") (result i32) (i32.const ${value})))`);

async function openStore(folder: string): Promise<FunctionStore> {
  const s3 = { region: '' };
  return await openFunctionStore({ kind: 'folder', path: folder }, { s3, nats: undefined });
}

const realPreparer = () => createPreparer({ memoryMaxPages: 100 } as Parameters<typeof createPreparer>[0]);

async function startHost(
  t: ExecutionContext,
  host: string,
  store: FunctionStore,
  preparer: Preparer = realPreparer(),
) {
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const functions = await startFunctions({
    powers: nodePowers,
    bus,
    privateBus,
    subjects,
    control,
    store,
    preparer,
    asyncify: createAsyncify(),
    memory: createCopyMemory(),
    onStore() {},
    config: {
      host: toHostId(host),
      store: 'shared',
      hostSilentMs: 60_000,
      // Only what it hears makes it look.
      refreshMs: 1_000_000_000,
      moduleMaxBytes: 1_000_000,
      functionsPerUserMax: 10,
      versionsKept: 10,
      initializeTimeoutMs: 1000,
    },
    log: createLog({ level: 'silent' })('functions'),
  });
  t.teardown(() => functions.stop(0));
  const upload = async (module: Uint8Array) => {
    const answer = await bus.request(subjects.functions('upload', user, name), module, { timeoutMs: 0 });
    return readBody(expectAnswer(answer), functionDescriptionCodec);
  };
  const program = async (version: string) => {
    const request = { user, name, version };
    return (await askInside(privateBus, privateSubjects.program(), programTopic, request)).program.version;
  };
  return { bus, privateBus, functions, upload, program };
}

test('startFunctions() gives no older version while it does not have the one that it heard of', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const one = await startHost(t, 'one', await openStore(folder));
  const first = await one.upload(returning(0));

  const store = await openStore(folder);
  let gate = Promise.resolve();
  const two = await startHost(t, 'two', {
    ...store,
    async read(...which) {
      await gate;
      return await store.read(...which);
    },
  });
  t.is(await two.program(first.live), first.live);

  const second = await one.upload(returning(1));
  t.not(second.live, first.live);
  t.true(second.revision > first.revision);
  const opened = Promise.withResolvers<void>();
  gate = opened.promise;
  const change = { user, name, version: second.live, revision: second.revision, store: 'shared' };
  const heardInside: (string | null)[] = [];
  two.privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
    heardInside.push(readBody(message, functionChangedCodec).version);
  });
  const confirmed = new Promise<string>((resolve) => {
    two.bus.subscribe('heard', ({ body }) => resolve(Buffer.from(body as Uint8Array).toString()));
  });
  two.bus.publish(
    control.functionChanged(toHostId('one'), user, name),
    new Encodable(change, functionChangedCodec),
    {
      reply: 'heard',
    },
  );
  t.is(await confirmed, 'two');
  t.deepEqual(heardInside, [second.live]);
  let given: string | undefined;
  const asked = two.program(second.live).then((version) => (given = version));
  await two.bus.request(subjects.functions('list', user, name), emptyBody);
  t.is(given, undefined);
  opened.resolve();
  await asked;
  t.is(given, second.live);
  // A call that was placed before still gets what it was placed with.
  t.is(await two.program(first.live), first.live);
});

test('stop() ends an upload that is prepared for longer than the drain, and keeps nothing of it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const begun = Promise.withResolvers<void>();
  const prepared = Promise.withResolvers<never>();
  const one = await startHost(t, 'one', await openStore(folder), {
    prepare() {
      begun.resolve();
      return prepared.promise;
    },
    async close() {
      prepared.reject(new FaasmError('draining', 'The host is stopping'));
    },
  });
  const uploading = t.throwsAsync(one.upload(returning(0)), { code: 'draining' });
  await begun.promise;
  await one.functions.stop(1);
  await uploading;
  const store = await openStore(folder);
  t.deepEqual(await store.list(), []);
  await store.close();
});
