import test from 'ava';
import { connectRedis } from '../../../src/redis/connection.ts';
import { createRedisLocks } from '../../../src/state/stores/redis-locks.ts';
import { lockStoreContract } from '../../_contracts/lock-store.ts';
import { startRedisServer } from '../../_servers/redis-server.ts';

const server = await startRedisServer();
const redis = await connectRedis({ url: server.url, name: 'test', onChange: () => {} });
test.after.always(async () => {
  redis.close();
  await server.stop();
});

let prefixes = 0;
lockStoreContract(test, 'Redis', async () => createRedisLocks(redis, `locks${++prefixes}`));
