import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { resourceHeaders } from '../../proto/headers.ts';
import { toStateKey, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import type { StateOp } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import {
  type Body,
  Encodable,
  emptyBody,
  type Headers,
  header,
  readBody,
  toBytes,
} from '../../src/bus/port.ts';
import { createSqliteStateStore } from '../../src/state/stores/sqlite-store.ts';
import type { AskState } from '../../src/state/tier/local-tier.ts';
import { type LockGrant, stateCodecs, type WriteRequest } from '../../src/state/tier/messages.ts';
import { createRandom } from '../random.ts';
import { startHost, subjects, temporaryFolder } from '../state/host.ts';

const ann = toUserName('ann');
const key = toStateKey('some key');
const text = (value: string) => new TextEncoder().encode(value);

async function start(t: ExecutionContext, options: Parameters<typeof startHost>[1] = {}) {
  const host = await startHost(t, options);
  const ask = async (op: StateOp, body: Body = emptyBody, headers: Headers = {}, name = key) =>
    expectAnswer(
      await host.bus.request(subjects.state(op, ann, name), body, { headers, timeoutMs: 120_000 }),
    );
  const get = async (headers: Headers = {}) =>
    Buffer.from(toBytes((await ask('get', emptyBody, headers)).body)).toString();
  return { ...host, request: ask, get };
}

test('set answers the size and version that get has in its headers', async (t) => {
  const { request } = await start(t);
  const set = await request('set', text('hello'));
  const { sizeBytes, version } = readBody(set, stateCodecs.set.answer);
  t.is(sizeBytes, 5);
  const got = await request('get');
  t.is(Buffer.from(toBytes(got.body)).toString(), 'hello');
  t.is(header(got, resourceHeaders.version), String(version));
  t.is(header(got, resourceHeaders.size), '5');
  t.is(header(set, resourceHeaders.version), String(version));
});

test('get gives a range, refuses one beyond the end, and one that an answer cannot hold', async (t) => {
  const { request, get } = await start(t, { maxPayloadBytes: 20_000 });
  await request('set', text('0123456789'));
  t.is(await get({ [resourceHeaders.offset]: ['2'], [resourceHeaders.length]: ['3'] }), '234');
  t.is(await get({ [resourceHeaders.offset]: ['10'] }), '');
  await t.throwsAsync(get({ [resourceHeaders.offset]: ['11'] }), { code: 'range_not_satisfiable' });
  await t.throwsAsync(get({ [resourceHeaders.offset]: ['-1'] }), { code: 'bad_request' });
  for (let at = 0; at < 4; at++) await request('append', new Uint8Array(10_000));
  await t.throwsAsync(get(), { code: 'too_large' });
  t.is((await get({ [resourceHeaders.length]: ['10000'] })).length, 10_000);
});

test('get, size and delete of nothing are not found', async (t) => {
  const { request } = await start(t);
  for (const op of ['get', 'size', 'delete'] as const) {
    await t.throwsAsync(request(op), { code: 'not_found', message: /ann\/some key/ });
  }
});

test('set at an offset, append and delete do what they say', async (t) => {
  const { request, get } = await start(t);
  await request('set', text('abc'), { [resourceHeaders.offset]: ['2'] });
  t.is(await get(), '\0\0abc');
  await request('append', text('!'));
  t.is(await get(), '\0\0abc!');
  t.is(readBody(await request('size'), stateCodecs.size.answer).sizeBytes, 6);
  await request('delete');
  await t.throwsAsync(get(), { code: 'not_found' });
});

for (const resident of [false, true]) {
  const where = resident ? 'in memory' : 'in the store alone';

  test(`conditions are kept for a value ${where}`, async (t) => {
    const { request, get, executor } = await start(t);
    const ifNone = { [resourceHeaders.ifNoneMatch]: ['*'] };
    const ifMatch = (version: string | number) => ({ [resourceHeaders.ifMatch]: [String(version)] });
    const refused = { code: 'precondition_failed' };
    await t.throwsAsync(request('set', text('x'), ifMatch('*')), refused);
    const first = readBody(await request('set', text('one'), ifNone), stateCodecs.set.answer);
    if (resident) await executor('x1').begin(ann).size(key);
    await t.throwsAsync(request('set', text('x'), ifNone), refused);
    await t.throwsAsync(request('append', text('x'), ifMatch(first.version + 1)), refused);
    await t.throwsAsync(request('delete', emptyBody, ifMatch(first.version + 1)), refused);
    t.is(await get(), 'one');
    const second = readBody(
      await request('append', text('+'), ifMatch(first.version)),
      stateCodecs.append.answer,
    );
    t.true(second.version > first.version);
    await t.throwsAsync(request('set', text('x'), ifMatch(first.version)), refused);
    await request('set', text('two'), ifMatch('*'));
    t.is(await get(), 'two');
    await request('delete', emptyBody, ifMatch('*'));
    await t.throwsAsync(get(), { code: 'not_found' });
    const third = readBody(await request('set', text('three')), stateCodecs.set.answer);
    t.true(third.version > second.version);
  });

  test(`an upload of a value ${where} is seen when it is committed, and not before`, async (t) => {
    const { request, get, executor } = await start(t);
    await request('set', text('old'));
    const guest = executor('x1').begin(ann);
    if (resident) await guest.size(key);
    const upload = (offset: number, more: Headers = {}) => ({
      [resourceHeaders.uploadId]: ['up'],
      [resourceHeaders.offset]: [String(offset)],
      ...more,
    });
    await request('set', text('new '), upload(0));
    await request('set', text('value'), upload(4));
    t.is(await get(), 'old');
    await t.throwsAsync(request('set', text('x'), upload(11)), { code: 'conflict' });
    const answer = await request('set', emptyBody, upload(9, { [resourceHeaders.uploadCommit]: ['9'] }));
    t.is(readBody(answer, stateCodecs.set.answer).sizeBytes, 9);
    t.is(await get(), 'new value');
    t.is(await guest.size(key), 9);
  });
}

test('parts of an upload that are sent at once keep their order', async (t) => {
  const { request, get } = await start(t);
  const part = (value: string, more: Headers = {}) =>
    request('set', text(value), { [resourceHeaders.uploadId]: ['up'], ...more });
  await Promise.all([part('a'), part('b'), part('c'), part('d', { [resourceHeaders.uploadCommit]: ['4'] })]);
  t.is(await get(), 'abcd');
});

test('an upload whose commit is refused is gone', async (t) => {
  const { request, get } = await start(t);
  await request('set', text('old'));
  const headers = {
    [resourceHeaders.uploadId]: ['up'],
    [resourceHeaders.uploadCommit]: ['3'],
    [resourceHeaders.ifNoneMatch]: ['*'],
  };
  await t.throwsAsync(request('set', text('new'), headers), { code: 'precondition_failed' });
  t.is(await get(), 'old');
  await t.throwsAsync(
    request('set', emptyBody, { [resourceHeaders.uploadId]: ['up'], [resourceHeaders.uploadCommit]: ['3'] }),
    { code: 'conflict' },
  );
});

test('guests and messages see each other at once', async (t) => {
  const { request, get, executor } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  const guest = executor('x1').begin(ann);
  await guest.write(key, text('by guest'), false);
  t.is(await get(), 'by guest');
  const before = readBody(await request('size'), stateCodecs.size.answer);
  await request('append', text(', by message'));
  const into = new Uint8Array(50);
  t.is(
    guest.read(key, 0, () => into),
    20,
  );
  await guest.write(key, text('again'), false);
  t.true(readBody(await request('size'), stateCodecs.size.answer).version > before.version);
  await request('delete');
  t.is(await guest.size(key), 0);
  await guest.append(key, text('anew'));
  t.is(await get(), 'anew');
});

test("a version that was read under a guest's write does not let a later write pass", async (t) => {
  const { request, executor } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  const guest = executor('x1').begin(ann);
  await guest.write(key, text('one'), false);
  const { version } = readBody(await request('size'), stateCodecs.size.answer);
  await guest.write(key, text('two'), false);
  await t.throwsAsync(request('set', text('three'), { [resourceHeaders.ifMatch]: [String(version)] }), {
    code: 'precondition_failed',
  });
});

test('list goes through the keys in pages', async (t) => {
  const { request, executor } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  for (const name of ['a', 'b', 'c']) await request('set', text(name), {}, toStateKey(name));
  await executor('x1').begin(ann).write(toStateKey('d'), text('dd'), false);
  const list = async (body: object) =>
    readBody(
      await request('list', new Encodable(body, stateCodecs.list.request as never), {}, toStateKey('_')),
      stateCodecs.list.answer,
    );
  t.deepEqual(
    (await list({ limit: 3 })).map((one) => one.key),
    ['a', 'b', 'c'].map((one) => toStateKey(one)),
  );
  t.is(readBody(await request('list', emptyBody, {}, toStateKey('_')), stateCodecs.list.answer).length, 4);
  const [last, ...none] = await list({ limit: 3, after: 'c' });
  t.deepEqual([last?.key, last?.sizeBytes, none.length], [toStateKey('d'), 2, 0]);
});

test('quotas bound a value and a user, whichever way it is written', async (t) => {
  const { request, executor, get } = await start(t, {
    config: { valueMaxBytes: 10_000, userMaxBytes: 30_000 },
  });
  await t.throwsAsync(request('set', new Uint8Array(10_001)), { code: 'too_large' });
  await request('set', new Uint8Array(10_000));
  await t.throwsAsync(request('append', text('x')), { code: 'too_large' });
  await request('set', new Uint8Array(10_000), {}, toStateKey('b'));
  await request('set', new Uint8Array(10_000), {}, toStateKey('c'));
  await t.throwsAsync(request('set', text('x'), {}, toStateKey('d')), { code: 'too_large' });
  const guest = executor('x1').begin(ann);
  await t.throwsAsync(async () => guest.write(toStateKey('d'), text('x'), false), { code: 'too_large' });
  await request('delete', emptyBody, {}, toStateKey('c'));
  await guest.write(toStateKey('d'), text('x'), false);
  t.is((await get()).length, 10_000);
});

test('quotas count what was stored before a restart', async (t) => {
  const dataFolder = temporaryFolder(t);
  const config = { userMaxBytes: 30_000 };
  const before = await start(t, { dataFolder, config });
  await before.request('set', new Uint8Array(29_000));
  await before.stop();
  const { request } = await start(t, { dataFolder, config });
  await t.throwsAsync(request('set', new Uint8Array(1001), {}, toStateKey('b')), { code: 'too_large' });
  await request('set', new Uint8Array(1000), {}, toStateKey('b'));
});

const lockOf =
  (ask: AskState) =>
  async (owner: string, leaseMs: number, waitMs = 10_000) =>
    (await ask('lock', ann, key, { owner, mode: 'write', leaseMs, waitMs })) as LockGrant;

test('a lock with a lease is free after it', async (t) => {
  const { ask } = await start(t);
  const lock = lockOf(ask);
  const first = await lock('a', 60_000);
  await t.throwsAsync(lock('b', 100, 0), { code: 'conflict' });
  const renewed = await lock('a', 1);
  t.is(renewed.fence, first.fence);
  const second = await lock('b', 60_000);
  t.true(second.fence > first.fence);
  await t.throwsAsync(ask('unlock', ann, key, { owner: 'a' }), { code: 'not_found' });
  await ask('unlock', ann, key, { owner: 'b' });
});

test('every change under a lease that has ended is refused', async (t) => {
  const { request, ask } = await start(t);
  await request('set', text('kept'));
  const lock = async (owner: string, leaseMs: number) => {
    const { fence, leaseEndsAtMs } = await lockOf(ask)(owner, leaseMs);
    t.true(Number.isSafeInteger(fence) && Number.isSafeInteger(leaseEndsAtMs));
    return fence;
  };
  const write = (place: WriteRequest['place'], bytes: Uint8Array, fence: number) =>
    ask('write', ann, key, { place, bytes, fence });
  const held = await lock('a', 60_000);
  await write('end', text('!'), held);
  await lock('a', 1);
  const next = await lock('b', 60_000);
  for (const place of ['whole', 'end', { offset: 1 }] as const) {
    await t.throwsAsync(write(place, text('late'), held), { code: 'lock_lost', message: /ann\/some key/ });
  }
  t.deepEqual(toBytes((await request('get')).body), text('kept!'));
  await write('whole', text('next'), next);
});

test('nobody answers outside what executors ask inside', async (t) => {
  const { bus } = await start(t);
  for (const op of ['open', 'resize', 'read', 'write', 'push', 'lock', 'unlock']) {
    await t.throwsAsync(bus.request(`faasm.state.${op}.ann.k`, emptyBody), { code: 'no_responders' });
    await t.throwsAsync(bus.request(privateSubjects.ask('state', op, ann), emptyBody), {
      code: 'no_responders',
    });
  }
});

test('a bad user, key or body is refused', async (t) => {
  const { bus, request } = await start(t);
  const ask = async (subject: string) => expectAnswer(await bus.request(subject, emptyBody));
  await t.throwsAsync(ask('faasm.state.get.a$b.k'), { code: 'bad_name' });
  await t.throwsAsync(ask('faasm.state.get.ann.=zz'), { code: 'bad_name' });
  await t.throwsAsync(request('list', text('nonsense')), { code: 'bad_message' });
  await t.throwsAsync(request('list', stateCodecs.list.request.encode({ limit: 501 })), {
    code: 'bad_message',
  });
  await t.throwsAsync(request('set', text('x'), { [resourceHeaders.uploadId]: ['a b'] }), {
    code: 'bad_request',
  });
});

test('stop() answers those who wait for a lock', async (t) => {
  const { executor, stop } = await start(t);
  await executor('x1').begin(ann).lockWrite(key);
  const waiting = executor('x2').begin(ann).lockWrite(key);
  await executor('x3').begin(ann).size(key);
  const failed = t.throwsAsync(waiting, { code: 'draining' });
  await stop();
  await failed;
});

for (const seed of [1, 2, 3]) {
  test(`nothing that was acknowledged is lost when the process is killed (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const dataFolder = temporaryFolder(t);
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [
        new URL('../state/killed-writer.ts', import.meta.url).pathname,
        dataFolder,
      ]);
      await killAfter(child, 20 + random.below(400), (line) => {
        const [name = '', count] = line.split(' ');
        acknowledged.set(name, Math.max(acknowledged.get(name) ?? 0, Number(count)));
      });
      const store = await createSqliteStateStore({ dataFolder });
      for (const [name, count] of acknowledged) {
        const found = await store.get(ann, toStateKey(name));
        const last = new DataView(found!.bytes.buffer).getFloat64(0);
        t.true(last >= count, `${name}: ${count} was acknowledged and ${last} is there`);
        t.is(found?.sizeBytes, 100_000);
        t.true(
          found?.bytes.subarray(8).every((byte) => byte === last % 256),
          `${name} is torn`,
        );
      }
      await store.close();
    }
    t.true(acknowledged.size > 0);
  });
}

async function killAfter(child: ChildProcess, lines: number, onLine: (line: string) => void): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let errors = '';
  child.stderr?.on('data', (chunk) => (errors += String(chunk)));
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    onLine(line);
    if (++seen === lines) child.kill('SIGKILL');
  }
  await exited;
  if (seen < lines) throw new Error(`The writer ended by itself: ${errors}`);
}
