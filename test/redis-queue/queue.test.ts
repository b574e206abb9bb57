import test, { type ExecutionContext } from 'ava';
import type { Redis } from 'ioredis';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { RedisQueue } from '../../src/redis-queue/queue.ts';
import { startRedisServer } from '../_servers/redis-server.ts';

const server = await startRedisServer();
const redis = await connectRedis({ url: server.url, name: 'test', onChange: () => {} });
const waiting = await redis.another({ name: 'test waits', blocking: true, onChange: () => {} });
test.after.always(async () => {
  redis.close();
  waiting.close();
  await server.stop();
});

let keys = 0;
const nextKey = () => `queue${++keys}`;
const open = (key: string) => new RedisQueue({ redis, waiting, key });
const push = (key: string, ...calls: string[]) => redis.run((client) => client.rpush(key, ...calls));
const texts = (calls: readonly { bytes: Uint8Array }[]) =>
  calls.map(({ bytes }) => Buffer.from(bytes).toString());
const ending = (resultKey: string) => ({
  result: Buffer.from('result'),
  resultKey,
  statusKey: '',
  dead: false,
});

async function keysOf(key: string): Promise<string[]> {
  const names = await redis.run((client) => client.keys(`${key}:*`));
  return names.map((name) => name.split(':')[1]!);
}

/** As when it has not renewed its lease in time. */
async function expireLeases(t: ExecutionContext, key: string): Promise<void> {
  const leases = await redis.run((client) => client.keys(`${key}:lease:*`));
  t.is(leases.length, 1);
  await redis.run((client) => client.del(...leases));
}

test('take() gives the oldest first, each to one taker', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b', 'c');
  const [one, two] = [open(key), open(key)];
  t.deepEqual(texts(await one.take(2)), ['a', 'b']);
  t.deepEqual(texts(await two.take(2)), ['c']);
  t.deepEqual(await one.take(2), []);
});

test('wait() resolves with a call that comes, which the next take() gives', async (t) => {
  const key = nextKey();
  const queue = open(key);
  const waited = queue.wait();
  await push(key, 'a');
  await waited;
  t.deepEqual(texts(await queue.take(5)), ['a']);
});

test('end() pushes the result once, and nothing is left of the call', async (t) => {
  const key = nextKey();
  await push(key, 'a');
  const queue = open(key);
  const [call] = await queue.take(1);
  t.is(await queue.end(call!, ending(`${key}-result`)), undefined);
  t.deepEqual(await redis.run((client) => client.lrange(`${key}-result`, 0, -1)), ['result']);
  await queue.leave();
  t.is(await open(key).renew(), 0);
  const left = await keysOf(key);
  t.deepEqual(left.filter((what) => what !== 'reclaimed').toSorted(), ['lease', 'takers']);
});

test('end() that is asked for again, as when its answer was lost, pushes nothing more', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b');
  const queue = open(key);
  const [call] = await queue.take(2);
  await queue.end(call!, ending(`${key}-result`));
  await queue.end(call!, ending(`${key}-result`));
  t.is(await redis.run((client) => client.llen(`${key}-result`)), 1);
});

test('take() gives what one before it has taken, whose answer got lost', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b', 'c');
  let lose = false;
  const lossy = {
    async run<T>(work: (client: Redis) => Promise<T>): Promise<T> {
      const answer = await redis.run(work);
      if (lose) throw new Error('the answer got lost');
      return answer;
    },
  } as RedisConnection;
  const queue = new RedisQueue({ redis: lossy, waiting, key });
  t.deepEqual(texts(await queue.take(1)), ['a']);
  lose = true;
  await t.throwsAsync(queue.take(2));
  await t.throwsAsync(queue.take(2));
  lose = false;
  t.is(await redis.run((client) => client.llen(key)), 0);
  const [b, c] = await queue.take(2);
  t.deepEqual(texts([b!, c!]), ['b', 'c']);
  await queue.end(c!, ending(`${key}-c`));
  t.is(await redis.run((client) => client.llen(`${key}-c`)), 1);
});

test('calls of a taker whose lease ended are in the queue again, in order, and its results are not wanted', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b', 'c', 'd');
  const dead = open(key);
  await dead.renew();
  const taken = await dead.take(3);
  await dead.end(taken[1]!, ending(`${key}-b`));
  await expireLeases(t, key);
  const heir = open(key);
  t.is(await heir.renew(), 2);
  const again = await heir.take(5);
  t.deepEqual(texts(again), ['a', 'c', 'd']);
  t.deepEqual(
    again.map(({ attempts }) => attempts),
    [1, 1, 0],
  );
  await dead.end(taken[0]!, ending(`${key}-a`));
  t.is(await redis.run((client) => client.llen(`${key}-a`)), 0);
  await heir.end(again[0]!, ending(`${key}-a`));
  t.is(await redis.run((client) => client.llen(`${key}-a`)), 1);
});

test('a taker that was taken for dead goes on as another one', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b');
  const away = open(key);
  await away.renew();
  await away.take(1);
  await expireLeases(t, key);
  t.is(await open(key).renew(), 1);
  await away.renew();
  const [call] = await away.take(1);
  t.deepEqual(texts([call!]), ['a']);
  await away.end(call!, ending(`${key}-result`));
  t.is(await redis.run((client) => client.llen(`${key}-result`)), 1);
});

test('a result is pushed also where the server has lost the queue meanwhile', async (t) => {
  const key = nextKey();
  await push(key, 'a');
  const queue = open(key);
  const [call] = await queue.take(1);
  await redis.run((client) => client.del(`${key}:running:${call!.taker}`, `${key}:takers`));
  await queue.renew();
  await push(key, 'b');
  t.deepEqual(texts(await queue.take(1)), ['b']);
  await queue.end(call!, ending(`${key}-result`));
  t.is(await redis.run((client) => client.llen(`${key}-result`)), 1);
});

test('leave() gives everything back, also what has just arrived', async (t) => {
  const key = nextKey();
  await push(key, 'a', 'b', 'c');
  const queue = open(key);
  await queue.take(1);
  await queue.wait();
  t.is(await queue.leave(), 2);
  t.deepEqual(await redis.run((client) => client.lrange(key, 0, -1)), ['a', 'b', 'c']);
});

test('what arrives for a taker that was taken for dead meanwhile is not lost', async (t) => {
  const key = nextKey();
  const away = open(key);
  await away.renew();
  const waited = away.wait();
  await expireLeases(t, key);
  t.is(await open(key).renew(), 0);
  await push(key, 'a');
  await waited;
  t.deepEqual(texts(await away.take(1)), ['a']);
});

test('what arrives for a host that has left is given back by others', async (t) => {
  const key = nextKey();
  const gone = open(key);
  await gone.renew();
  const waited = gone.wait();
  await gone.leave();
  await push(key, 'a');
  await waited;
  t.is(await open(key).renew(), 1);
  t.deepEqual(await redis.run((client) => client.lrange(key, 0, -1)), ['a']);
});

test('onKill() hears what any host of the queue wants killed, and of nothing that is no call', async (t) => {
  const key = nextKey();
  const listening = await redis.another({ name: 'test listens', onChange: () => {} });
  t.teardown(() => listening.close());
  const heard = Promise.withResolvers<void>();
  const killed: unknown[] = [];
  open(key).onKill(listening, (call) => {
    killed.push(call);
    if (killed.length === 3) heard.resolve();
  });
  const channels = () => redis.run((client) => client.pubsub('NUMSUB', `${key}:kill`));
  while ((await channels())[1] !== 1) await new Promise(setImmediate);
  await redis.run((client) => client.publish(`${key}:kill`, 'rubbish'));
  await redis.run((client) => client.publish(`${key}:kill`, 'null'));
  await open(key).kill({ user: 'u', id: 'a', resultKey: 'b' });
  await heard.promise;
  const nothing = { user: '', id: '', resultKey: '' };
  t.deepEqual(killed, [nothing, nothing, { user: 'u', id: 'a', resultKey: 'b' }]);
});
