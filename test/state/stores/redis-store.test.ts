import test from 'ava';
import { fromStateKey, toStateKey, toUserName } from '../../../proto/names.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import type { RedisKeyForm } from '../../../src/state/stores/redis-keys.ts';
import { createRedisStateStore } from '../../../src/state/stores/redis-store.ts';
import { stateStoreContract } from '../../_contracts/state-store.ts';
import { startRedisServer } from '../../_servers/redis-server.ts';

const server = await startRedisServer();
const redis = await connectRedis({ url: server.url, name: 'test', onChange: () => {} });
test.after.always(async () => {
  redis.close();
  await server.stop();
});

let stores = 0;
const nextPrefix = (): string => `store${++stores}`;
const open = async (keyForm: RedisKeyForm, segmentBytes?: number, prefix = nextPrefix()) => {
  if (keyForm === 'founding') await redis.run((client) => client.flushall());
  return createRedisStateStore({
    redis,
    prefix,
    keyForm,
    ...(segmentBytes !== undefined && { segmentBytes }),
  });
};

stateStoreContract(test, 'Redis', () => open('token'));
stateStoreContract(test, 'Redis with strings of 100,000 bytes', () => open('token', 100_000));

const user = toUserName('ann');

test('Redis: no two values have one key', async (t) => {
  const store = await open('token');
  const [ab, b] = [toUserName('a_b'), toUserName('a')];
  await store.write(ab, toStateKey('c'), { pieces: [{ offset: 0, bytes: Uint8Array.of(1) }] });
  await store.write(b, toStateKey('b_c'), { pieces: [{ offset: 0, bytes: Uint8Array.of(2) }] });
  await store.write(b, toStateKey('b:c'), { pieces: [{ offset: 0, bytes: Uint8Array.of(3) }] });
  t.deepEqual((await store.get(ab, toStateKey('c')))?.bytes, Uint8Array.of(1));
  t.deepEqual((await store.get(b, toStateKey('b_c')))?.bytes, Uint8Array.of(2));
  t.deepEqual((await store.get(b, toStateKey('b:c')))?.bytes, Uint8Array.of(3));
});

test('Redis: with token keys a value is at <prefix>:state:<user>:<token>', async (t) => {
  const prefix = nextPrefix();
  const store = await open('token', undefined, prefix);
  await store.write(user, toStateKey('a/b'), { pieces: [{ offset: 0, bytes: Buffer.from('hello') }] });
  t.is(await redis.run((client) => client.get(`${prefix}:state:ann:a=2Fb`)), 'hello');
});

test.serial('Redis: founding keys are <user>_<key>, read and written by others too', async (t) => {
  const store = await open('founding');
  const key = toStateKey(Uint8Array.of(107, 255, 58));
  await redis.run((client) => client.set(Buffer.concat([Buffer.from('ann_'), fromStateKey(key)]), 'theirs'));
  t.deepEqual((await store.get(user, key))?.bytes, new Uint8Array(Buffer.from('theirs')));
  t.is((await store.get(user, key))?.version, 0);
  await store.append(user, key, Buffer.from(' and ours'));
  const raw = await redis.run((client) =>
    client.getBuffer(Buffer.concat([Buffer.from('ann_'), fromStateKey(key)])),
  );
  t.is(raw?.toString(), 'theirs and ours');
  const [listed] = await store.list(user, undefined, 10);
  t.is(listed?.key, key);
  t.is(listed?.sizeBytes, 15);
});

test('Redis: a value beyond what one string may have is in several', async (t) => {
  const prefix = nextPrefix();
  const store = await open('token', 1000, prefix);
  const value = `${prefix}:state:ann:k`;
  await store.write(user, toStateKey('k'), { pieces: [{ offset: 0, bytes: new Uint8Array(2500).fill(5) }] });
  const lengths = await Promise.all(
    ['', ':1', ':2', ':3'].map((end) => redis.run((client) => client.strlen(value + end))),
  );
  t.deepEqual(lengths, [1000, 1000, 500, 0]);
  await store.delete(user, toStateKey('k'));
  t.deepEqual(await redis.run((client) => client.keys(`${value}*`)), []);
});

test('Redis: a push of 10 of 1,024 chunks sends about as many bytes as they have', async (t) => {
  const store = await open('token');
  const size = 64 * 1024 * 1024;
  await store.stage(user, 'up', { offset: size - 1, bytes: Uint8Array.of(1) });
  await store.commit(user, toStateKey('big'), 'up', size);
  const received = async () =>
    Number(/total_net_input_bytes:(\d+)/.exec(await redis.run((client) => client.info('stats')))?.[1]);
  const before = await received();
  const pieces = Array.from({ length: 10 }, (_, at) => ({
    offset: at * 6_000_000,
    bytes: new Uint8Array(65_536).fill(2),
  }));
  await store.write(user, toStateKey('big'), { pieces });
  const sent = (await received()) - before;
  t.true(sent >= 655_360 && sent < 1_400_000, `${sent} bytes`);
});

test('Redis: an upload of another host is not this one’s', async (t) => {
  const prefix = nextPrefix();
  const [first, second] = [await open('token', undefined, prefix), await open('token', undefined, prefix)];
  await first.stage(user, 'up', { offset: 0, bytes: Uint8Array.of(1) });
  await t.throwsAsync(second.commit(user, toStateKey('k'), 'up', 1), { code: 'not_found' });
});
