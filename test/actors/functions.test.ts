/** The functions actor of a host that shares its store with another one. */
import '../../actors/v8-flags.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startFunctions } from '../../actors/functions.ts';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import { resourceHeaders, settingsHeaders } from '../../proto/headers.ts';
import { type FunctionName, toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects, type FunctionOp } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, header, readBody, toBytes } from '../../src/bus/port.ts';
import { askInside } from '../../src/bus/private.ts';
import { createAsyncify } from '../../src/functions/asyncify.ts';
import {
  functionChangedCodec,
  functionDescriptionCodec,
  functionListCodec,
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

async function newFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

type Config = Parameters<typeof startFunctions>[0]['config'];

async function startHost(
  t: ExecutionContext,
  host: string,
  store: FunctionStore,
  { preparer = realPreparer(), ...config }: Partial<Config> & { preparer?: Preparer } = {},
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
      ...config,
    },
    log: createLog({ level: 'silent' })('functions'),
  });
  t.teardown(() => functions.stop(0));
  const ask = async (
    op: FunctionOp,
    body = emptyBody,
    conditions: Record<string, string> = {},
    of = name,
  ) => {
    const headers = Object.fromEntries(Object.entries(conditions).map(([key, value]) => [key, [value]]));
    return expectAnswer(await bus.request(subjects.functions(op, user, of), body, { timeoutMs: 0, headers }));
  };
  const upload = async (
    module: Uint8Array<ArrayBuffer>,
    conditions?: Record<string, string>,
    of?: FunctionName,
  ) => readBody(await ask('upload', module, conditions, of), functionDescriptionCodec);
  const program = async (version: string) => {
    const request = { user, name, version };
    return (await askInside(privateBus, privateSubjects.program(), programTopic, request)).program.version;
  };
  return { bus, privateBus, functions, ask, upload, program };
}

test('startFunctions() gives no older version while it does not have the one that it heard of', async (t) => {
  const folder = await newFolder(t);
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
  const preparer: Preparer = {
    prepare() {
      begun.resolve();
      return prepared.promise;
    },
    async close() {
      prepared.reject(new FaasmError('draining', 'The host is stopping'));
    },
  };
  const one = await startHost(t, 'one', await openStore(folder), { preparer });
  const uploading = t.throwsAsync(one.upload(returning(0)), { code: 'draining' });
  await begun.promise;
  await one.functions.stop(1);
  await uploading;
  const store = await openStore(folder);
  t.deepEqual(await store.list(), []);
  await store.close();
});

/** A host that has its store for itself. */
async function startAlone(t: ExecutionContext, config: Partial<Config> = {}) {
  const store = await openStore(await newFolder(t));
  const host = await startHost(t, 'alone', store, { refreshMs: 0, ...config });
  const modules = async () => (await store.listModules()).map(({ module }) => module).sort();
  return { ...host, store, modules };
}

const other = toFunctionName('g');

test('upload keeps as many versions as it may, and no module that none of them has', async (t) => {
  const { upload, modules } = await startAlone(t, { versionsKept: 2 });
  const made = [];
  for (const value of [1, 2, 3, 4]) made.push(await upload(returning(value)));
  const kept = made.at(-1)!.versions;
  t.deepEqual(
    kept.map(({ version }) => version),
    [made[3]!.live, made[2]!.live],
  );
  t.deepEqual(await modules(), kept.map(({ module }) => module).sort());
});

test('upload keeps a module that another function has, until that is deleted too', async (t) => {
  const { upload, ask, modules } = await startAlone(t, { versionsKept: 1 });
  const { versions } = await upload(returning(1));
  await upload(returning(1), {}, other);
  await upload(returning(2));
  t.true((await modules()).includes(versions[0]!.module));
  await ask('delete', emptyBody, {}, other);
  t.false((await modules()).includes(versions[0]!.module));
  await ask('delete');
  t.deepEqual(await modules(), []);
});

test('upload of what is there already makes it the live one again', async (t) => {
  const { upload, modules } = await startAlone(t, { versionsKept: 2 });
  const first = await upload(returning(1));
  await upload(returning(2));
  const again = await upload(returning(1));
  t.is(again.live, first.live);
  t.is(again.versions.length, 2);
  t.is((await modules()).length, 2);
});

const conditional = test.macro({
  title: (_, condition: string, before: number, allowed: boolean) =>
    `upload with ${condition} of a function with ${before} versions is ${allowed ? 'taken' : 'refused'}`,
  async exec(t, condition: string, before: number, allowed: boolean) {
    const { upload, ask } = await startAlone(t);
    let live = '';
    for (let value = 0; value < before; value++) live = (await upload(returning(value))).live;
    const [kind = '', value = ''] = condition.split(' ');
    const field = kind === 'If-Match' ? resourceHeaders.ifMatch : resourceHeaders.ifNoneMatch;
    const headers = { [field]: value === 'live' ? live : value };
    if (allowed) await t.notThrowsAsync(upload(returning(9), headers));
    else {
      await t.throwsAsync(upload(returning(9), headers), { code: 'precondition_failed' });
      const found = readBody(await ask('list'), functionListCodec);
      t.deepEqual(
        found.map((each) => each.live),
        before === 0 ? [] : [live],
      );
    }
  },
});
test(conditional, 'If-Match live', 2, true);
test(conditional, 'If-Match other', 2, false);
test(conditional, 'If-Match *', 1, true);
test(conditional, 'If-Match *', 0, false);
test(conditional, 'If-Match other', 0, false);
test(conditional, 'If-None-Match *', 1, false);
test(conditional, 'If-None-Match *', 0, true);

test('delete is refused on another version than it names, and gone is gone', async (t) => {
  const { upload, ask } = await startAlone(t);
  await upload(returning(1));
  const otherVersion = { [resourceHeaders.ifMatch]: 'other' };
  await t.throwsAsync(ask('delete', emptyBody, otherVersion), { code: 'precondition_failed' });
  await ask('describe');
  await ask('delete');
  await t.throwsAsync(ask('describe'), { code: 'not_found' });
  await t.throwsAsync(ask('delete'), { code: 'not_found' });
});

test('upload refuses a user one function more than there may be, and no version of one that is there', async (t) => {
  const { upload } = await startAlone(t, { functionsPerUserMax: 1 });
  await upload(returning(1));
  await upload(returning(2));
  await t.throwsAsync(upload(returning(1), {}, other), { code: 'too_many_requests' });
});

test('upload takes a module of just the limit', async (t) => {
  const { length } = returning(1);
  const fitting = await startAlone(t, { moduleMaxBytes: length });
  await t.notThrowsAsync(fitting.upload(returning(1)));
  const tight = await startAlone(t, { moduleMaxBytes: length - 1 });
  await t.throwsAsync(tight.upload(returning(1)), { code: 'too_large' });
});

test('list gives the functions of the user by name, and fetch the live module', async (t) => {
  const { upload, ask } = await startAlone(t);
  await upload(returning(1), {}, other);
  await upload(returning(1));
  const { live } = await upload(returning(2));
  const listed = readBody(await ask('list'), functionListCodec);
  t.deepEqual(
    listed.map((each) => each.name),
    [name, other],
  );
  const fetched = await ask('fetch');
  t.deepEqual(new Uint8Array(toBytes(fetched.body)), returning(2));
  t.is(header(fetched, resourceHeaders.version), live);
});

test('a version that is not there any more is answered with the live one', async (t) => {
  const { upload, program } = await startAlone(t, { versionsKept: 1 });
  const first = await upload(returning(1));
  const second = await upload(returning(2));
  t.is(await program(first.live), second.live);
  t.is(await program(second.live), second.live);
});

/** A host alone on its store, whose writes of function `g` wait until they are let go, and then do `last`. */
async function startWithSlowWrites(t: ExecutionContext, config: Partial<Config>, last = async () => {}) {
  const store = await openStore(await newFolder(t));
  const reached = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const host = await startHost(
    t,
    'alone',
    {
      ...store,
      async write(description, expected) {
        if (description.name === other) {
          reached.resolve();
          await letGo.promise;
          await last();
        }
        return await store.write(description, expected);
      },
    },
    { refreshMs: 0, ...config },
  );
  const modules = async () => (await store.listModules()).map(({ module }) => module).sort();
  return { ...host, store, modules, reached: reached.promise, letGo: letGo.resolve };
}

test('an upload keeps its module, which the last function that had it gives up meanwhile', async (t) => {
  const { upload, modules, reached, letGo } = await startWithSlowWrites(t, { versionsKept: 1 });
  const before = await upload(returning(1));
  const uploading = upload(returning(1), {}, other);
  await reached;
  const after = await upload(returning(2));
  letGo();
  t.is((await uploading).live, before.live);
  t.deepEqual(await modules(), [before, after].map(({ versions }) => versions[0]!.module).sort());
});

test('an upload keeps the module of its runtime, which is deleted meanwhile', async (t) => {
  const { upload, ask, modules, reached, letGo } = await startWithSlowWrites(t, {});
  const runtime = await upload(returning(1));
  const headers = { [settingsHeaders.runtime]: name, [settingsHeaders.arg]: 'script' };
  const uploading = upload(new Uint8Array(0), headers, other);
  await reached;
  await ask('delete');
  letGo();
  const { versions } = await uploading;
  t.deepEqual(await modules(), [versions[0]!.module]);
  t.is(versions[0]!.module, runtime.versions[0]!.module);
});

test('an upload that fails leaves no module behind', async (t) => {
  const { upload, modules, letGo } = await startWithSlowWrites(t, {}, async () => {
    throw new FaasmError('storage_unavailable', 'the disk is full');
  });
  letGo();
  await t.throwsAsync(upload(returning(1), {}, other), { code: 'storage_unavailable' });
  t.deepEqual(await modules(), []);
});

test('upload goes by what a host that shares the store has written, also unheard', async (t) => {
  const folder = await newFolder(t);
  const two = await startHost(t, 'two', await openStore(folder));
  const one = await startHost(t, 'one', await openStore(folder));
  const first = await one.upload(returning(1));
  const second = await two.upload(returning(2), { [resourceHeaders.ifMatch]: first.live });
  t.deepEqual(
    second.versions.map(({ version }) => version),
    [second.live, first.live],
  );
  t.true(second.revision > first.revision);
});

test('a call gets the version that it was placed for where the change was missed, and what is known is not read again', async (t) => {
  const folder = await newFolder(t);
  const one = await startHost(t, 'one', await openStore(folder));
  const store = await openStore(folder);
  let reads = 0;
  const two = await startHost(t, 'two', {
    ...store,
    read(...which) {
      reads++;
      return store.read(...which);
    },
  });
  const first = await one.upload(returning(1));
  t.is(await two.program(first.live), first.live);
  const second = await one.upload(returning(2));
  reads = 0;
  t.is(await two.program(first.live), first.live);
  t.is(reads, 0);
  t.is(await two.program(second.live), second.live);
  t.is(reads, 1);
});
