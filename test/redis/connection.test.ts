import test, { type ExecutionContext } from 'ava';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { startRedisServer } from '../_servers/redis-server.ts';

interface Told {
  readonly connection: RedisConnection;
  readonly changes: (string | undefined)[];
  /** Resolves when it was told so. */
  until(isThat: (why: string | undefined) => boolean): Promise<void>;
}

async function connectTo(t: ExecutionContext, url: string): Promise<Told> {
  const changes: (string | undefined)[] = [];
  let look = (): void => {};
  const onChange = (why: string | undefined): void => {
    changes.push(why);
    look();
  };
  const connection = await connectRedis({ url, name: 'test', onChange });
  t.teardown(() => connection.close());
  const until = (isThat: (why: string | undefined) => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (isThat(changes.at(-1))) resolve();
      };
      look();
    });
  return { connection, changes, until };
}

test('connectRedis() runs commands', async (t) => {
  await using server = await startRedisServer();
  const { connection, changes } = await connectTo(t, server.url);
  await connection.run((redis) => redis.set('a', 'b'));
  t.is(await connection.run((redis) => redis.get('a')), 'b');
  t.deepEqual(changes, [undefined]);
});

test('connectRedis() says that nobody listens, and connects when somebody does', async (t) => {
  await using server = await startRedisServer({ stopped: true });
  const { connection, changes, until } = await connectTo(t, server.url);
  t.regex(changes[0]!, new RegExp(`^Redis at 127.0.0.1:${server.port}: connect ECONNREFUSED`));
  await t.throwsAsync(
    connection.run((redis) => redis.get('a')),
    { code: 'storage_unavailable', message: /ECONNREFUSED/ },
  );
  await server.start();
  await until((why) => why === undefined);
  t.is(await connection.run((redis) => redis.get('a')), null);
});

test('connectRedis() fails what is under way when the server dies, and comes back with it', async (t) => {
  await using server = await startRedisServer();
  const { connection, until } = await connectTo(t, server.url);
  const waiting = connection.run((redis) => redis.blpop('list', 0));
  await server.kill();
  await t.throwsAsync(waiting, { code: 'storage_unavailable', message: /connection was lost/ });
  await until((why) => why !== undefined);
  await server.start();
  await until((why) => why === undefined);
  t.is(await connection.run((redis) => redis.ping()), 'PONG');
});

test('connectRedis() tells wrong credentials apart', async (t) => {
  await using server = await startRedisServer({ password: 'right' });
  const wrong = await connectTo(t, server.url.replace('right', 'wrong'));
  t.regex(wrong.changes[0]!, /refuses the user and password; correct FAASM_REDIS_URL/);
  t.false(wrong.changes[0]!.includes(':wrong@'));
  const none = await connectTo(t, server.url.replace(':right@', ''));
  t.regex(none.changes[0]!, /asks for a password/);
  const right = await connectTo(t, server.url);
  t.is(await right.connection.run((redis) => redis.ping()), 'PONG');
});

test('run() says that the memory of the server is used up', async (t) => {
  await using server = await startRedisServer({ settings: ['--maxmemory', '2mb'] });
  const { connection } = await connectTo(t, server.url);
  const fill = async (): Promise<never> => {
    for (let at = 0; ; at++) await connection.run((redis) => redis.set(`k${at}`, Buffer.alloc(500_000)));
  };
  await t.throwsAsync(fill(), {
    code: 'storage_unavailable',
    message: /memory is used up; raise its maxmemory/,
  });
});

for (const url of ['', 'localhost:6379', 'http://localhost:6379', 'redis://']) {
  test(`connectRedis() refuses "${url}"`, async (t) => {
    await t.throwsAsync(connectRedis({ url, name: 'test', onChange: () => {} }), { code: 'bad_request' });
  });
}
