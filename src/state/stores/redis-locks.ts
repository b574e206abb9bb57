/**
 * Locks among hosts in Redis: a hash for each lock, from owner to "mode fence end". A writer that waits keeps new
 * readers out for a moment after each of its tries, so that its turn comes. Time is that of the server.
 */
import type { RedisConnection } from '../../redis/connection.ts';
import type { LockStore } from './port.ts';
import { lockKeyOf } from './redis-keys.ts';

/** Longer than the longest time between two tries of a writer that waits. */
const writerWaitsMs = 250;

/** KEYS: lock, waiting, counter of fences. ARGV: owner, mode, lease, how long a waiting writer counts. */
const takeScript = `
local time = redis.call('TIME')
local now, ends = time[1] * 1000 + math.floor(time[2] / 1000), 0
local function text(number) return string.format('%.0f', number) end
local all, fence, is_free = redis.call('HGETALL', KEYS[1]), nil, true
for at = 1, #all, 2 do
  local mode, own, till = string.match(all[at + 1], '^(%a+) (%d+) (%d+)$')
  if tonumber(till) <= now then redis.call('HDEL', KEYS[1], all[at])
  elseif all[at] == ARGV[1] and mode == ARGV[2] then fence = tonumber(own)
  elseif mode == 'write' or ARGV[2] == 'write' then is_free = false end
  ends = math.max(ends, tonumber(till))
end
if fence == nil and ARGV[2] == 'read' and redis.call('EXISTS', KEYS[2]) == 1 then is_free = false end
if not is_free then
  if ARGV[2] == 'write' then redis.call('SET', KEYS[2], '', 'PX', ARGV[4]) end
  return nil
end
if fence == nil then
  fence = math.max(tonumber(redis.call('GET', KEYS[3]) or '0') + 1, time[1] * 1000000 + time[2])
  redis.call('SET', KEYS[3], text(fence))
  if ARGV[2] == 'write' then redis.call('DEL', KEYS[2]) end
end
local own_end = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. text(fence) .. ' ' .. text(own_end))
redis.call('PEXPIREAT', KEYS[1], text(math.max(ends, own_end)))
return { fence, own_end }
`;

/** KEYS: lock. ARGV: owner, fence. Gives 1 where it was held. */
const releaseScript = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local fence, till = string.match(held, '^%a+ (%d+) (%d+)$')
if ARGV[2] ~= '' and fence ~= ARGV[2] then return 0 end
return tonumber(till) > time[1] * 1000 + math.floor(time[2] / 1000) and 1 or 0
`;

/** @param prefix what every key begins with */
export function createRedisLocks(redis: RedisConnection, prefix: string): LockStore {
  return {
    async take(name, owner, mode, leaseMs) {
      const lock = lockKeyOf(prefix, name);
      const answer = await redis.run((client) =>
        client.eval(
          takeScript,
          3,
          lock,
          `${prefix}:state-lock-waiting:${name}`,
          `${prefix}:state-fence`,
          owner,
          mode,
          leaseMs,
          writerWaitsMs,
        ),
      );
      if (answer === null) return undefined;
      const [fence, leaseEndsAtMs] = answer as [number, number];
      return { fence, leaseEndsAtMs };
    },

    async release(name, owner, fence) {
      const lock = lockKeyOf(prefix, name);
      return (await redis.run((client) => client.eval(releaseScript, 1, lock, owner, fence ?? ''))) === 1;
    },
  };
}
