/**
 * What Redis does in one step for a queue that hosts share. `queue` is the list that clients push calls to. A host takes
 * under a name of its own; when others have taken it for dead, it goes on as a new taker.
 *
 *     queue                    list   calls that nobody has taken, the oldest first
 *     queue:arrived:<host>     list   taken by a blocking command, for a moment
 *     queue:running:<taker>    hash   number -> call, until its result is pushed; `epoch` says since when it is there
 *     queue:lease:<taker>      string there while the taker lives
 *     queue:takers             set    of all takers that may have calls
 *     queue:reclaimed:<taker>  string there when its calls were given back to the queue
 *     queue:attempts           hash   sha1 of a call -> how many takers have died with it
 *     queue:dead               list   what could not be read, or was under way when too many takers died
 */

/**
 * KEYS: queue, arrived, running, attempts, takers. ARGV: number of the first call, how many at most, taker, whether the
 * same was asked before and the answer got lost. Answers with the epoch, then call and attempts of each; or `unknown`
 * for a taker that has not registered, or has been taken for dead.
 */
export const takeScript = `
if redis.call('SISMEMBER', KEYS[5], ARGV[3]) == 0 then return 'unknown' end
local has_attempts = redis.call('EXISTS', KEYS[4]) == 1
local time = redis.call('TIME')
local found = { redis.call('HGET', KEYS[3], 'epoch') or time[1] .. '.' .. time[2] }
for number = tonumber(ARGV[1]), tonumber(ARGV[1]) + tonumber(ARGV[2]) - 1 do
  local call = ARGV[4] == '1' and redis.call('HGET', KEYS[3], number)
  if not call then
    call = redis.call('LPOP', KEYS[2]) or redis.call('LPOP', KEYS[1])
    if not call then break end
    redis.call('HSET', KEYS[3], 'epoch', found[1], number, call)
  end
  found[#found + 1] = call
  found[#found + 1] = has_attempts and tonumber(redis.call('HGET', KEYS[4], redis.sha1hex(call)) or '0') or 0
end
return found
`;

/**
 * KEYS: running, reclaimed, attempts, result list, status, dead. ARGV: number, result, its lifetime in seconds, status
 * lifetime, has result key, has status key, is dead, epoch. The result is pushed once: not by a taker whose calls were
 * given to another one, nor by one that asks again since it did not hear that it was done. A server that has lost the
 * queue meanwhile has another epoch, or none: the result is pushed then.
 */
export const endScript = `
local call = redis.call('HGET', KEYS[1], ARGV[1])
if not call and redis.call('EXISTS', KEYS[2]) == 1 then return 'reclaimed' end
if not call and redis.call('HGET', KEYS[1], 'epoch') == ARGV[8] then return 'ended' end
if call then
  redis.call('HDEL', KEYS[1], ARGV[1])
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HDEL', KEYS[3], redis.sha1hex(call)) end
  if ARGV[7] == '1' then
    redis.call('RPUSH', KEYS[6], call)
    redis.call('LTRIM', KEYS[6], -10000, -1)
  end
end
if ARGV[5] == '1' then
  local pushed = redis.pcall('RPUSH', KEYS[4], ARGV[2])
  if type(pushed) == 'table' and pushed.err then return pushed.err end
  redis.call('EXPIRE', KEYS[4], ARGV[3])
end
if ARGV[6] == '1' then redis.call('SET', KEYS[5], ARGV[2], 'EX', ARGV[4]) end
return 'ended'
`;

/**
 * KEYS: lease, takers. ARGV: taker, lease in milliseconds, whether it has registered before. Answers whether it is none
 * of the takers any more: its calls were given back, or Redis has lost them.
 */
export const renewScript = `
if ARGV[3] == '1' and redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 then return 1 end
redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
return 0
`;

/**
 * KEYS: queue, arrived, running, lease, takers, reclaimed, attempts. ARGV: taker, how long reclaimed is kept in
 * milliseconds, whether the taker gives them back itself. Answers with the number of calls that are in the queue again,
 * in their order. A taker that leaves stays one without a lease: what arrives for it still, others give back.
 */
export const giveBackScript = `
if ARGV[3] == '0' and redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
redis.call('SET', KEYS[6], '', 'PX', ARGV[2])
local numbers, count = {}, 0
for _, number in ipairs(redis.call('HKEYS', KEYS[3])) do numbers[#numbers + 1] = tonumber(number) end
table.sort(numbers)
while true do
  local call = redis.call('RPOP', KEYS[2])
  if not call then break end
  redis.call('LPUSH', KEYS[1], call)
  count = count + 1
end
for at = #numbers, 1, -1 do
  local call = redis.call('HGET', KEYS[3], numbers[at])
  if ARGV[3] == '0' then redis.call('HINCRBY', KEYS[7], redis.sha1hex(call), 1) end
  redis.call('LPUSH', KEYS[1], call)
  count = count + 1
end
redis.call('DEL', KEYS[3], KEYS[4])
if ARGV[3] == '0' then redis.call('SREM', KEYS[5], ARGV[1]) end
return count
`;
