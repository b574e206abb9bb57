/** The local tiers of two hosts over one Redis. */
import test, { type ExecutionContext } from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { toStateKey, toUserName } from '../../../proto/names.ts';
import { expectAnswer } from '../../../src/bus/error-headers.ts';
import { emptyBody, toBytes } from '../../../src/bus/port.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import { chunkBytes, type StateStore } from '../../../src/state/stores/port.ts';
import { lockKeyOf } from '../../../src/state/stores/redis-keys.ts';
import { createRedisStateStore } from '../../../src/state/stores/redis-store.ts';
import type { GuestState } from '../../../src/state/tier/local-tier.ts';
import { startRedisServer } from '../../_servers/redis-server.ts';
import { createRandom } from '../../random.ts';
import { startHost, subjects } from '../host.ts';

const server = await startRedisServer();
const redis = await connectRedis({ url: server.url, name: 'test', onChange: () => {} });
test.after.always(async () => {
  redis.close();
  await server.stop();
});

const ann = toUserName('ann');
const key = toStateKey('k');
const text = (value: string) => new TextEncoder().encode(value);
const never = { pushDelayMs: 1_000_000 };
let prefixes = 0;

/** Two hosts, each with a call of one user; nothing is pushed but when it is asked for. */
async function startTwo(t: ExecutionContext) {
  const prefix = `shared${++prefixes}`;
  const start = async (name: string) => {
    const store = createRedisStateStore({ redis, prefix, keyForm: 'token' });
    const host = await startHost(t, { store, config: never });
    return { store, guest: host.executor(name).begin(ann), host };
  };
  const [one, two] = [await start('x1'), await start('x2')];
  return { one: one.guest, two: two.guest, store: one.store, hosts: [one.host, two.host] as const, prefix };
}

async function readAll(state: GuestState): Promise<string> {
  await state.pull(key);
  const into = new Uint8Array(await state.size(key));
  await state.read(key, 0, () => into);
  return new TextDecoder().decode(into);
}

async function stored(store: StateStore): Promise<string> {
  return new TextDecoder().decode((await store.get(ann, key))?.bytes);
}

test('a lock whose value cannot be looked at then is left to others', async (t) => {
  const open = () => createRedisStateStore({ redis, prefix: 'lookedAt', keyForm: 'token' });
  let isAway = false;
  const away = () => Promise.reject(new FaasmError('storage_unavailable', 'away'));
  const store = new Proxy(open(), {
    get: (target, name) => (isAway && name === 'changesSince' ? away : Reflect.get(target, name)),
  });
  const one = (await startHost(t, { store, config: never })).executor('x1').begin(ann);
  const two = (await startHost(t, { store: open(), config: never })).executor('x2').begin(ann);
  await one.write(key, text('in memory'), true);
  t.is(await readAll(one), 'in memory');
  isAway = true;
  await t.throwsAsync(one.lockWrite(key), { code: 'storage_unavailable' });
  isAway = false;
  await two.lockWrite(key);
  await two.unlock(key);
});

test('a synchronous write on one host is what a synchronous read on the other gives', async (t) => {
  const { one, two } = await startTwo(t);
  t.is(await readAll(two), '');
  await one.write(key, text('first'), true);
  t.is(await readAll(two), 'first');
  await two.writeAt(key, 0, 1, text('IRS'), true);
  t.is(await readAll(one), 'fIRSt');
  await one.write(key, text('no'), true);
  t.is(await readAll(two), 'no');
  await two.write(key, text(''), true);
  t.is(await readAll(one), '');
});

test('an asynchronous write is seen on its host at once, on the other after a push', async (t) => {
  const { one, two, store } = await startTwo(t);
  await one.write(key, text('begin'), true);
  t.is(await readAll(two), 'begin');
  await one.write(key, text('later'), false);
  t.is(await readAll(one), 'later');
  t.is(await readAll(two), 'begin');
  await one.push(key);
  t.is(await stored(store), 'later');
  t.is(await readAll(two), 'later');
});

test('hosts that write different bytes of one chunk lose nothing', async (t) => {
  const { one, two, store } = await startTwo(t);
  await one.write(key, text('..........'), true);
  await readAll(two);
  await one.writeAt(key, 0, 0, text('a'), false);
  await two.writeAt(key, 0, 1, text('b'), false);
  await one.writeAt(key, 0, 2, text('c'), false);
  await two.writeAt(key, 0, 9, text('z'), false);
  await one.push(key);
  await two.push(key);
  t.is(await stored(store), 'abc......z');
  t.is(await readAll(one), 'abc......z');
  t.is(await readAll(two), 'abc......z');
});

test('a pull keeps what was written here and not pushed yet', async (t) => {
  const { one, two } = await startTwo(t);
  await one.write(key, text('......'), true);
  await readAll(two);
  await two.writeAt(key, 0, 1, text('b'), false);
  await one.writeAt(key, 0, 4, text('e'), true);
  t.is(await readAll(two), '.b..e.');
  await two.push(key);
  t.is(await readAll(one), '.b..e.');
});

test('a synchronous write of what is there already undoes what another host wrote', async (t) => {
  const { one, two, store } = await startTwo(t);
  await one.write(key, text('00'), true);
  await readAll(two);
  await one.write(key, text('11'), true);
  await two.writeAt(key, 0, 0, text('0'), true);
  t.is(await stored(store), '01');
  await two.write(key, text('00'), true);
  t.is(await stored(store), '00');
  t.is(await readAll(one), '00');
});

test('a write at an offset never cuts what another host has added', async (t) => {
  const { one, two, store } = await startTwo(t);
  await one.write(key, text('ab'), true);
  await readAll(two);
  await one.append(key, text('cdef'));
  await two.writeAt(key, 4, 3, text('X'), true);
  t.is(await stored(store), 'abcXef');
  t.is(await readAll(two), 'abcXef');
});

test('append() of both hosts keeps all of it', async (t) => {
  const { one, two, store } = await startTwo(t);
  const appended = Array.from({ length: 60 }, (_, at) =>
    (at % 2 === 0 ? one : two).append(key, text(`${at};`)),
  );
  await Promise.all(appended);
  const found = (await stored(store)).split(';').filter((each) => each !== '');
  t.deepEqual(
    found.map(Number).toSorted((a, b) => a - b),
    Array.from({ length: 60 }, (_, at) => at),
  );
  t.is(await readAll(two), await stored(store));
  t.is(await readAll(one), await stored(store));
});

test('a value that another host deleted is gone, unless it was written here meanwhile', async (t) => {
  const { one, two, store } = await startTwo(t);
  await one.write(key, text('value'), true);
  t.is(await readAll(two), 'value');
  await store.delete(ann, key);
  t.is(await readAll(two), '');
  t.is(await store.describe(ann, key), undefined);

  await one.write(key, text('again'), true);
  t.is(await readAll(two), 'again');
  await two.writeAt(key, 0, 0, text('A'), false);
  await store.delete(ann, key);
  await two.push(key);
  t.is(await readAll(two), 'Again');
  t.is(await readAll(one), 'Again');
});

test('a value that grows and shrinks on one host does so on the other', async (t) => {
  const { one, two } = await startTwo(t);
  await one.write(key, text('abc'), true);
  t.is(await readAll(two), 'abc');
  await one.writeAt(key, 0, 3 * chunkBytes, text('end'), true);
  t.is(await readAll(two), `abc${'\0'.repeat(3 * chunkBytes - 3)}end`);
  await one.write(key, text('abc'), true);
  t.is(await readAll(two), 'abc');
  await one.writeAt(key, 10, 0, text('x'), true);
  t.is(await readAll(two), 'xbc\0\0\0\0\0\0\0');
});

test('a pull of a value of 64 MiB with 1% changed brings in about that 1%', async (t) => {
  const { one, two } = await startTwo(t);
  const size = 64 * 1024 * 1024;
  await one.writeAt(key, size, 0, text('x'), true);
  await two.pull(key);
  const sent = async () =>
    Number(/total_net_output_bytes:(\d+)/.exec(await redis.run((client) => client.info('stats')))?.[1]);
  for (let at = 0; at < 10; at++) {
    await one.writeAt(key, 0, at * 6 * 1024 * 1024, new Uint8Array(chunkBytes).fill(at + 1), false);
  }
  await one.push(key);
  const before = await sent();
  await two.pull(key);
  const bytes = (await sent()) - before;
  t.true(bytes >= 10 * chunkBytes && bytes < 20 * chunkBytes, `${bytes} bytes`);
  const into = new Uint8Array(1);
  await two.read(key, 9 * 6 * 1024 * 1024, () => into);
  t.is(into[0], 10);
});

test('HTTP and the bus read the newest of any host, and write before what comes after', async (t) => {
  const { one, two, hosts } = await startTwo(t);
  await one.write(key, text('a'), true);
  await readAll(two);
  await one.write(key, text('b'), true);
  const there = hosts[1].bus;
  const got = expectAnswer(await there.request(subjects.state('get', ann, key), emptyBody));
  t.deepEqual(toBytes(got.body), text('b'));
  await two.writeAt(key, 0, 1, text('c'), false);
  expectAnswer(await there.request(subjects.state('append', ann, key), text('d')));
  t.is(await readAll(one), 'bcd');
  t.is(await readAll(two), 'bcd');
});

test('random synchronous and asynchronous changes of two hosts end the same everywhere (seed 3)', async (t) => {
  const { one, two, store } = await startTwo(t);
  const random = createRandom(3);
  const size = 2 * chunkBytes + 100;
  await one.writeAt(key, size, 0, text('x'), true);
  await readAll(two);
  const model = new Uint8Array(size);
  model[0] = 'x'.charCodeAt(0);
  for (let step = 0; step < 300; step++) {
    // Each host has bytes of its own, one after the other.
    const own = random.below(2);
    const guest = own === 0 ? one : two;
    const at = random.below(size / 2 - 1) * 2 + own;
    const byte = random.below(256);
    model[at] = byte;
    await guest.writeAt(key, 0, at, Uint8Array.of(byte), random.below(4) === 0);
    if (random.below(10) === 0) await guest.push(key);
    if (random.below(10) === 0) await (own === 0 ? two : one).pull(key);
  }
  await one.push(key);
  await two.push(key);
  t.true(Buffer.from((await store.get(ann, key))!.bytes).equals(model));
  for (const guest of [one, two]) {
    await guest.pull(key);
    const into = new Uint8Array(size);
    await guest.read(key, 0, () => into);
    t.true(Buffer.from(into).equals(model));
  }
});

test('a lock keeps the calls of other hosts out, and each sees what was written under it before', async (t) => {
  const { hosts, store } = await startTwo(t);
  const count = async (guest: GuestState): Promise<void> => {
    await guest.lockWrite(key);
    const into = new Uint8Array(4);
    await guest.read(key, 0, () => into);
    const next = String(Number(new TextDecoder().decode(into).replaceAll('\0', '')) + 1).padStart(4, '0');
    // Asynchronously: giving the lock back pushes it.
    await guest.write(key, text(next), false);
    await guest.unlock(key);
  };
  const rounds = Array.from({ length: 4 }, async (_, at) => {
    const tier = hosts[at % 2]!.executor(`counter${at}`);
    for (let round = 0; round < 10; round++) {
      const guest = tier.begin(ann);
      await count(guest);
      guest.end();
    }
  });
  await Promise.all(rounds);
  t.is(await stored(store), '0040');
});

const lost = { code: 'lock_lost', message: /lock on state ann\/k was lost.*FAASM_STATE_LOCK_LEASE_MS/ };

/** What a call may do under a lock. Each ends when the call has given the lock back, if it comes so far. */
const underLock: Record<string, (guest: GuestState) => Promise<void>> = {
  'a synchronous write': async (guest) => await guest.write(key, text('late'), true),
  'a synchronous write at an offset': async (guest) => await guest.writeAt(key, 9, 1, text('late'), true),
  'an append': (guest) => guest.append(key, text('late')),
  'a large write': async (guest) => await guest.write(key, new Uint8Array(20 * 1024 * 1024), true),
  async 'an asynchronous write'(guest) {
    await guest.write(key, text('late'), false);
    await guest.unlock(key);
  },
  async 'an asynchronous write that is pushed'(guest) {
    await guest.write(key, text('late'), false);
    await guest.push(key);
    await guest.unlock(key);
  },
  async 'a write through mapped memory'(guest) {
    const { data } = await guest.open(key, 5);
    new Uint8Array(data.buffer, data.byteOffset ?? 0, 4).set(text('late'));
    guest.flagDirty(key);
    await guest.unlock(key);
  },
  nothing: (guest) => guest.unlock(key),
  'taking it again': (guest) => guest.lockWrite(key),
};

for (const [what, change] of Object.entries(underLock)) {
  test(`${what} under a lock that was lost ends with lock_lost, and the value is what the next holder wrote`, async (t) => {
    const { one, two, hosts, store, prefix } = await startTwo(t);
    await one.write(key, text('first'), true);
    await readAll(two);
    await one.lockWrite(key);
    await readAll(one);
    // As when its lease has ended.
    await redis.run((client) => client.del(lockKeyOf(prefix, 'ann/k')));
    await two.lockWrite(key);
    await two.write(key, text('other'), true);
    await t.throwsAsync(change(one), lost);
    await two.unlock(key);
    one.end();
    t.is(await stored(store), 'other');
    const after = hosts[0].executor('x3').begin(ann);
    await after.lockWrite(key);
    t.is(await readAll(after), 'other');
    await after.write(key, text('again'), false);
    await after.unlock(key);
    t.is(await stored(store), 'again');
  });
}

test('what was written under a lock and cannot be kept as it is given back is not written later', async (t) => {
  const prefix = `shared${++prefixes}`;
  let isAway = false;
  const wrap = (store: StateStore): StateStore => ({
    ...store,
    async write(...written) {
      if (isAway) throw new FaasmError('storage_unavailable', 'away');
      return await store.write(...written);
    },
  });
  const store = createRedisStateStore({ redis, prefix, keyForm: 'token' });
  const host = await startHost(t, { store, wrap });
  const guest = host.executor('x1').begin(ann);
  await guest.write(key, text('first'), true);
  await guest.lockWrite(key);
  await guest.write(key, text('late'), false);
  isAway = true;
  await t.throwsAsync(guest.unlock(key), { code: 'storage_unavailable' });
  isAway = false;
  await guest.lockWrite(key);
  t.is(await readAll(guest), 'first');
  await guest.unlock(key);
  await host.stop();
  t.is(await stored(createRedisStateStore({ redis, prefix, keyForm: 'token' })), 'first');
});

test('a lost lock is nothing to those who read and write without one', async (t) => {
  const { one, two, hosts, store, prefix } = await startTwo(t);
  await one.write(key, text('first'), true);
  await readAll(one);
  await one.lockWrite(key);
  await one.write(key, text('late'), false);
  await redis.run((client) => client.del(lockKeyOf(prefix, 'ann/k')));
  await two.write(key, text('other'), true);
  const free = hosts[0].executor('free').begin(ann);
  await free.append(key, text('!'));
  t.is(await readAll(free), 'other!');
  t.is(await stored(store), 'other!');
  await t.throwsAsync(one.unlock(key), lost);
});

test('a change of another host reaches the asynchronous reads of this one by itself', async (t) => {
  const { one, two } = await startTwo(t);
  await one.write(key, text('old'), true);
  t.is(await readAll(two), 'old');
  await one.write(key, text('new'), true);
  const into = new Uint8Array(3);
  const read = async () => {
    await two.read(key, 0, () => into);
    return new TextDecoder().decode(into);
  };
  while ((await read()) === 'old') await new Promise((resolve) => setImmediate(resolve));
  t.is(await read(), 'new');
});
