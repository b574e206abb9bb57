import test, { type ExecutionContext } from 'ava';
import { encode } from 'msgpackr';
import { FaasmError } from '../../../proto/errors.ts';
import { toStateKey, toUserName } from '../../../proto/names.ts';
import { privateSubjects } from '../../../proto/private-subjects.ts';
import { Encodable } from '../../../src/bus/port.ts';
import { chunkBytes, type StateStore } from '../../../src/state/stores/port.ts';
import type { GuestState } from '../../../src/state/tier/local-tier.ts';
import { allocateShared, viewSegment, word } from '../../../src/state/tier/segment.ts';
import { stateActorOwner } from '../../../src/state/tier/segment-mutex.ts';
import { executorGoneCodec } from '../../../src/worker-pool/messages.ts';
import { startHost, temporaryFolder } from '../host.ts';

const ann = toUserName('ann');
const key = toStateKey('k');
const text = (value: string) => new TextEncoder().encode(value);

async function readAll(state: GuestState, length = 100): Promise<string> {
  const into = new Uint8Array(length);
  const count = await state.read(key, 0, () => into);
  return new TextDecoder().decode(into.subarray(0, count));
}

async function start(t: ExecutionContext, options: Parameters<typeof startHost>[1] = {}) {
  const host = await startHost(t, options);
  return { ...host, one: host.executor('x1').begin(ann), two: host.executor('x2').begin(ann) };
}

test('read() and size() of a key without a value give 0', async (t) => {
  const { one, store } = await start(t);
  t.is(await one.size(key), 0);
  t.is(await readAll(one), '');
  t.is(await store.describe(ann, key), undefined);
});

test('readAt() of a key without a value gives zeros of the total, and makes nothing', async (t) => {
  const { one, store } = await start(t);
  const into = new Uint8Array(8).fill(9);
  t.is(await one.readAt(key, 10, 4, () => into), 6);
  t.deepEqual([...into], [0, 0, 0, 0, 0, 0, 9, 9]);
  t.is(await store.describe(ann, key), undefined);
});

test('readAt() gives what is there and zeros up to the total', async (t) => {
  const { one } = await start(t);
  await one.write(key, text('abc'), false);
  const into = new Uint8Array(8).fill(9);
  t.is(await one.readAt(key, 6, 1, () => into), 5);
  t.deepEqual([...into], [98, 99, 0, 0, 0, 9, 9, 9]);
});

test('write() is seen by every executor at once, without waiting', async (t) => {
  const { one, two } = await start(t);
  await one.write(key, text('first'), false);
  t.is(await readAll(two), 'first');
  t.is(one.write(key, text('next'), false), undefined);
  const into = new Uint8Array(10);
  t.is(
    two.read(key, 0, () => into),
    4,
  );
  t.is(two.size(key), 4);
});

test('write() copies live bytes before it waits', async (t) => {
  const { one } = await start(t);
  const live = text('before');
  const written = one.write(key, live, true);
  live.fill(0);
  await written;
  t.is(await readAll(one), 'before');
});

test('read() asks for its target anew after a wait', async (t) => {
  const { one, two } = await start(t);
  await one.write(key, text('value'), false);
  let memory = new Uint8Array(5);
  const old = memory;
  const reading = two.read(key, 0, () => memory);
  memory = new Uint8Array(5);
  t.is(await reading, 5);
  t.deepEqual(memory, text('value'));
  t.deepEqual(old, new Uint8Array(5));
});

test('write() that is synchronous is in the global tier before it goes on', async (t) => {
  const { one, store } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  await one.write(key, text('durable'), true);
  t.deepEqual((await store.get(ann, key))?.bytes, text('durable'));
  const again = one.write(key, text('again'), true);
  t.true(again instanceof Promise);
  await again;
  t.deepEqual((await store.get(ann, key))?.bytes, text('again'));
});

test('write() that is asynchronous reaches the global tier by itself', async (t) => {
  const { one, store } = await start(t, { config: { pushDelayMs: 1 } });
  await one.write(key, text('later'), false);
  let found = await store.get(ann, key);
  while (found === undefined || found.sizeBytes === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    found = await store.get(ann, key);
  }
  t.deepEqual(found.bytes, text('later'));
});

test('stop() pushes what is dirty', async (t) => {
  const dataFolder = temporaryFolder(t);
  const { one, stop } = await start(t, { dataFolder, config: { pushDelayMs: 1_000_000 } });
  await one.write(key, text('kept'), false);
  await stop();
  const after = await start(t, { dataFolder });
  t.is(await readAll(after.one), 'kept');
});

test('writeAt() makes and extends a value with zeros', async (t) => {
  const { one, two } = await start(t);
  await one.writeAt(key, 6, 2, text('ab'), false);
  t.is(await readAll(two), '\0\0ab\0\0');
  await two.writeAt(key, 6, 5, text('xyz'), true);
  t.is(await readAll(one), '\0\0ab\0xyz');
});

test('write() of a shorter value cuts the old one off', async (t) => {
  const { one, two, store } = await start(t);
  await one.write(key, text('a long value'), true);
  await two.write(key, text('short'), true);
  t.is(await readAll(one), 'short');
  t.is((await store.describe(ann, key))?.sizeBytes, 5);
});

test('append() of two executors loses nothing while the value outgrows its room', async (t) => {
  const { one, two, store } = await start(t);
  const piece = new Uint8Array(1000).fill(1);
  await Promise.all(Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? one : two).append(key, piece)));
  t.is(await one.size(key), 400_000);
  await one.push(key);
  const stored = await store.get(ann, key);
  t.is(stored?.sizeBytes, 400_000);
  t.true(stored?.bytes.every((byte) => byte === 1));
});

test('read() reads what was appended, clearAppended() forgets it', async (t) => {
  const { one, two } = await start(t);
  await one.write(key, text(''), true);
  t.is(await one.size(key), 0);
  await one.append(key, text('ab'));
  await two.append(key, text('cd'));
  const into = new Uint8Array(4);
  t.is(await one.read(key, 0, () => into), 4);
  t.deepEqual(into, text('abcd'));
  await one.write(key, text(''), true);
  t.is(await two.size(key), 0);
});

test('a value of another user is another value', async (t) => {
  const { one, executor } = await start(t);
  await one.write(key, text('of ann'), false);
  t.is(await executor('x1').begin(toUserName('bob')).size(key), 0);
});

test('write() beyond the quota fails and leaves the value as it was', async (t) => {
  const { one, two } = await start(t, { config: { valueMaxBytes: 8192 } });
  await one.write(key, text('small'), false);
  await t.throwsAsync(async () => one.write(key, new Uint8Array(8193), false), { code: 'too_large' });
  t.is(await readAll(two), 'small');
});

test('push() sends changed chunks only', async (t) => {
  const pushed: number[] = [];
  const wrap = (store: StateStore): StateStore => ({
    ...store,
    write(user, name, change, condition) {
      pushed.push(change.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0));
      return store.write(user, name, change, condition);
    },
  });
  const { one } = await start(t, { wrap, config: { pushDelayMs: 1_000_000 } });
  await one.write(key, new Uint8Array(64 * chunkBytes).fill(1), true);
  await one.writeAt(key, 0, 5 * chunkBytes - 1, Uint8Array.of(1, 2), false);
  await one.push(key);
  await one.push(key);
  t.deepEqual(pushed, [64 * chunkBytes, 2 * chunkBytes]);
});

test('push() of a large value that is dirty as a whole happens in one step', async (t) => {
  let staged = 0;
  let failing = true;
  const wrap = (store: StateStore): StateStore => ({
    ...store,
    async stage(user, upload, piece) {
      if (++staged === 2 && failing) throw new FaasmError('storage_unavailable', 'the disk is full');
      await store.stage(user, upload, piece);
    },
  });
  const { one, store } = await start(t, { wrap, config: { pushDelayMs: 1_000_000 } });
  await one.write(key, text('old'), true);
  t.is(await readAll(one), 'old');
  const large = new Uint8Array(40 * 1024 * 1024).fill(5);
  await t.throwsAsync(async () => one.write(key, large, true), { code: 'storage_unavailable' });
  t.is((await store.describe(ann, key))?.sizeBytes, 3);
  failing = false;
  await one.push(key);
  const found = await store.get(ann, key);
  t.is(found?.sizeBytes, large.length);
  t.is(Buffer.compare(found!.bytes, large), 0);
});

test('a push that fails is tried again', async (t) => {
  let failures = 2;
  const wrap = (store: StateStore): StateStore => ({
    ...store,
    async write(user, name, change, condition) {
      if (failures-- > 0) throw new FaasmError('storage_unavailable', 'the disk is full');
      return await store.write(user, name, change, condition);
    },
  });
  const { one, store } = await start(t, { wrap, config: { pushDelayMs: 1, pushRetryMs: 1 } });
  await one.write(key, text('stubborn'), false);
  let found = await store.get(ann, key);
  while (found === undefined || found.sizeBytes === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    found = await store.get(ann, key);
  }
  t.deepEqual(found.bytes, text('stubborn'));
  t.true(failures < 0);
});

test('values that are not used leave memory and come back as they were', async (t) => {
  const released: number[] = [];
  const { one } = await start(t, {
    config: { residentMaxBytes: 100_000, pushDelayMs: 1_000_000 },
    release: ({ byteLength }) => released.push(byteLength),
  });
  const keys = Array.from({ length: 50 }, (_, at) => toStateKey(`k${at}`));
  for (const name of keys) await one.write(name, text(`value of ${name}`), false);
  t.true(released.length >= 30, `${released.length} were dropped`);
  for (const name of keys) {
    const into = new Uint8Array(100);
    const count = await one.read(name, 0, () => into);
    t.is(new TextDecoder().decode(into.subarray(0, count)), `value of ${name}`);
  }
});

test('a value that is used again and again stays in memory while others come and go', async (t) => {
  const fetched: string[] = [];
  const wrap = (store: StateStore): StateStore => ({
    ...store,
    get(user, name, offset, length) {
      fetched.push(name);
      return store.get(user, name, offset, length);
    },
  });
  const { one } = await start(t, { wrap, config: { residentMaxBytes: 100_000, pushDelayMs: 1_000_000 } });
  await one.write(key, text('hot'), false);
  for (let at = 0; at < 60; at++) {
    // The first time that there is no room, all have been used.
    if (at === 20) fetched.length = 0;
    await one.write(toStateKey(`cold${at}`), text('cold'), false);
    t.is(await readAll(one), 'hot');
  }
  t.false(fetched.includes(key));
});

test('a value grows in place where its memory has room, even while it is mapped', async (t) => {
  const allocated: number[] = [];
  const allocate = (byteLength: number) => {
    allocated.push(byteLength);
    return allocateShared(Math.ceil(byteLength / 65_536) * 65_536);
  };
  const { one, two, store } = await start(t, { allocate, config: { userMaxBytes: 100_000 } });
  await one.open(key, 5);
  const grown = new Uint8Array(50_000).fill(4);
  await two.write(key, grown, true);
  t.is(await one.size(key), 50_000);
  t.deepEqual((await store.get(ann, key))?.bytes, grown);
  t.is(allocated.length, 1);
  await one.write(toStateKey('a'), new Uint8Array(40_000), false);
  await t.throwsAsync(async () => one.write(toStateKey('b'), new Uint8Array(20_000), false), {
    code: 'too_large',
  });
});

test('open() keeps a value where it is until the call ends', async (t) => {
  const { one, two } = await start(t, { config: { residentMaxBytes: 20_000 } });
  const segment = await one.open(key, 5);
  const view = viewSegment(segment);
  view.data.set(text('hello'));
  one.flagDirty(key);
  t.is(await readAll(two), 'hello');
  await two.write(toStateKey('a'), text('a'), false);
  await two.write(toStateKey('b'), text('b'), false);
  await t.throwsAsync(async () => two.write(toStateKey('big'), new Uint8Array(9000), false), {
    code: 'no_capacity',
  });
  await t.throwsAsync(async () => two.write(key, new Uint8Array(8000), false), { code: 'conflict' });
  one.end();
  await two.write(toStateKey('big'), new Uint8Array(9000), false);
  t.is(await readAll(two), 'hello');
});

test('flagDirty() has what was written through the memory pushed', async (t) => {
  const { one, store } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  const view = viewSegment(await one.open(key, 3 * chunkBytes));
  await one.push(key);
  view.data[chunkBytes + 1] = 7;
  one.flagDirty(key, chunkBytes, 10);
  await one.push(key);
  t.is((await store.get(ann, key, chunkBytes + 1, 1))?.bytes[0], 7);
});

test('lockWrite() keeps others out until unlock() or end()', async (t) => {
  const { one, two, executor } = await start(t);
  const order: string[] = [];
  await one.lockWrite(key);
  const second = two.lockWrite(key).then(() => order.push('two'));
  const third = executor('x3')
    .begin(ann)
    .lockRead(key)
    .then(() => order.push('three'));
  await two.push(key);
  order.push('one');
  await one.unlock(key);
  await second;
  two.end();
  await third;
  t.deepEqual(order, ['one', 'two', 'three']);
  await t.throwsAsync(one.unlock(key), { code: 'not_found' });
});

test('locks of an executor that is gone are free', async (t) => {
  const { one, two, privateBus } = await start(t);
  await one.lockWrite(key);
  const waiting = two.lockWrite(key);
  privateBus.publish(privateSubjects.executorGone(), new Encodable({ owner: 'x1' }, executorGoneCodec));
  await t.notThrowsAsync(waiting);
});

test('nobody frees the locks of an executor by saying on the public bus that it is gone', async (t) => {
  const { one, two, bus } = await start(t, { config: { lockWaitMaxMs: 10 } });
  await one.lockWrite(key);
  const forged = [privateSubjects.executorGone(), 'faasm.executor.gone', 'faasm.event.executor.gone'];
  for (const subject of forged) {
    bus.publish(subject, new Encodable({ owner: 'x1' }, executorGoneCodec));
    bus.publish(subject, encode({ owner: 'x1' }));
  }
  await t.throwsAsync(two.lockWrite(key), { code: 'deadline_exceeded' });
});

test('what an executor that is gone had mapped or half done does not stand in the way', async (t) => {
  const { one, two, privateBus, store } = await start(t, { config: { pushDelayMs: 1_000_000 } });
  const view = viewSegment(await one.open(key, 5));
  view.words[word.mutex] = stateActorOwner + 1;
  privateBus.publish(privateSubjects.executorGone(), new Encodable({ owner: 'x1' }, executorGoneCodec));
  await two.write(key, new Uint8Array(100_000).fill(3), true);
  t.is((await store.describe(ann, key))?.sizeBytes, 100_000);
});

test('two calls of one executor do not share a lock', async (t) => {
  const { executor } = await start(t, { config: { lockWaitMaxMs: 10 } });
  const tier = executor('x9');
  const first = tier.begin(ann);
  await first.lockWrite(key);
  await t.throwsAsync(tier.begin(ann).lockWrite(key), { code: 'deadline_exceeded' });
});

test('pull() shows what another host wrote to a shared store', async (t) => {
  const { one, store } = await start(t, { wrap: (same) => ({ ...same, exclusive: false }) });
  await one.write(key, text('mine'), true);
  t.is(await readAll(one), 'mine');
  await store.write(ann, key, { pieces: [{ offset: 0, bytes: text('theirs') }] });
  t.is(await readAll(one), 'mine');
  await one.pull(key);
  t.is(await readAll(one), 'theirs');
});

test('pull() of a value that another host cut leaves nothing behind that a later growth would show', async (t) => {
  const { one, store } = await start(t, { wrap: (same) => ({ ...same, exclusive: false }) });
  await one.write(key, text('secret'), true);
  t.is(await readAll(one), 'secret');
  await store.write(ann, key, { pieces: [], sizeBytes: 2 });
  await one.pull(key);
  t.is(await readAll(one), 'se');
  await one.writeAt(key, 6, 5, text('!'), false);
  t.is(await readAll(one), 'se\0\0\0!');
});

test('pull() of an exclusive store waits for nothing', async (t) => {
  const { one } = await start(t);
  await one.write(key, text('mine'), false);
  t.is(one.pull(key), undefined);
});
