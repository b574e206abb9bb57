/**
 * What Redis does in one step to a value. A script is sent as a whole each time: Redis compiles it once, and commands
 * stay in their order, which a fallback from EVALSHA does not keep.
 *
 *     value, value:1, …         the bytes, as strings of `segment` bytes each, the last one shorter
 *     versions  hash            token -> version                            of one user
 *     names     sorted set      tokens in their order, all with score 0     of one user
 *     usage     hash            user -> bytes of all values
 *     log       list            "version previous offset-length,…"          of one value, the newest changes
 *     counter   string          the last version that was given
 *     upload…   strings         a staged value, which expires; `upload` itself says that there is one
 *
 * A version is the time in microseconds, or one more than the last where that is later: it grows also when the
 * server has lost its data.
 */

/** KEYS: value, versions, names, usage, log, counter, lock. ARGV: token, user, segment, channel, origin, then what each script says. */
export const valueKeyCount = 7;

const shared = `
local value, versions, names, usage, log, counter, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local token, user, segment, channel, origin = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local function text(number) return string.format('%.0f', number) end
local function part(base, at) if at == 0 then return base end return base .. ':' .. text(at) end
local function size_of(base)
  local size, at = 0, 0
  while true do
    local length = redis.call('STRLEN', part(base, at))
    size = size + length
    if length < segment then return size end
    at = at + 1
  end
end
local function resize(base, old, new)
  local last = math.max(0, math.ceil(new / segment) - 1)
  for at = last + 1, math.ceil(old / segment) - 1 do redis.call('DEL', part(base, at)) end
  for at = math.min(last, math.max(0, math.ceil(old / segment) - 1)), last do
    local key = part(base, at)
    local length, wanted = redis.call('STRLEN', key), math.min(segment, new - at * segment)
    if wanted == 0 then redis.call('SET', key, '')
    elseif length > wanted then redis.call('SET', key, redis.call('GETRANGE', key, 0, wanted - 1))
    elseif length < wanted then redis.call('SETRANGE', key, wanted - 1, '\\0') end
  end
end
local function put(base, offset, bytes)
  local done = 0
  while done < #bytes do
    local at = math.floor((offset + done) / segment)
    local within = offset + done - at * segment
    local count = math.min(#bytes - done, segment - within)
    local piece = bytes
    if count < #bytes then piece = string.sub(bytes, done + 1, done + count) end
    redis.call('SETRANGE', part(base, at), within, piece)
    done = done + count
  end
end
local function remove(base, size)
  for at = 0, math.floor(size / segment) do redis.call('DEL', part(base, at)) end
end
local function version_of()
  if redis.call('EXISTS', value) == 0 then return -1 end
  return tonumber(redis.call('HGET', versions, token) or '0')
end
local function is_refused(version, expected, if_absent)
  if if_absent == '1' and version >= 0 then return true end
  if expected == '' then return false end
  return version < 0 or (expected ~= 'any' and version ~= tonumber(expected))
end
local function is_lost(fence)
  if fence == '' then return false end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, held in ipairs(redis.call('HVALS', lock)) do
    local own, till = string.match(held, '^%a+ (%d+) (%d+)$')
    if own == fence and tonumber(till) > now then return false end
  end
  return true
end
local function changed(previous, old, new, ranges)
  local time = redis.call('TIME')
  local version = math.max(tonumber(redis.call('GET', counter) or '0') + 1, time[1] * 1000000 + time[2])
  redis.call('SET', counter, text(version))
  redis.call('HSET', versions, token, text(version))
  redis.call('ZADD', names, 0, token)
  redis.call('HINCRBY', usage, user, text(new - old))
  redis.call('RPUSH', log, text(version) .. ' ' .. text(previous) .. ' ' .. table.concat(ranges, ','))
  redis.call('LTRIM', log, -64, -1)
  redis.call('PUBLISH', channel, origin .. ' ' .. user .. '/' .. token)
  return { 1, version, new, previous }
end
local function range(from, to) return text(from) .. '-' .. text(to - from) end
`;

/**
 * Then: expected version, if absent, fence, size, least size, changed ranges (each '' for none, the ranges where the
 * pieces are the ranges), and for each piece its offset, or 'end', and its bytes.
 */
export const writeScript = `${shared}
local previous = version_of()
if is_lost(ARGV[8]) then return { 3 } end
if is_refused(previous, ARGV[6], ARGV[7]) then return { 0, previous } end
local old = previous < 0 and 0 or size_of(value)
local size, ranges = old, {}
for at = 12, #ARGV, 2 do
  local offset = ARGV[at] == 'end' and old or tonumber(ARGV[at])
  size = math.max(size, offset + #ARGV[at + 1])
  if ARGV[11] == '' then ranges[#ranges + 1] = range(offset, offset + #ARGV[at + 1]) end
end
if ARGV[11] ~= '' then ranges[1] = ARGV[11] end
if ARGV[10] ~= '' then size = math.max(size, tonumber(ARGV[10])) end
if ARGV[9] ~= '' then size = tonumber(ARGV[9]) end
resize(value, old, size)
for at = 12, #ARGV, 2 do put(value, ARGV[at] == 'end' and old or tonumber(ARGV[at]), ARGV[at + 1]) end
if size ~= old then ranges[#ranges + 1] = range(math.min(old, size), math.max(old, size)) end
return changed(previous, old, size, ranges)
`;

/** Then: expected version, if absent, fence. */
export const deleteScript = `${shared}
local previous = version_of()
if is_lost(ARGV[8]) then return { 3 } end
if is_refused(previous, ARGV[6], ARGV[7]) then return { 0, previous } end
if previous < 0 then return { 1, previous } end
local size = size_of(value)
remove(value, size)
redis.call('DEL', log)
redis.call('HDEL', versions, token)
redis.call('ZREM', names, token)
redis.call('HINCRBY', usage, user, text(-size))
redis.call('PUBLISH', channel, origin .. ' ' .. user .. '/' .. token)
return { 1, previous }
`;

/** Then: offset, length; with a length of 0 just size and version. */
export const readScript = `${shared}
local version = version_of()
if version < 0 then return nil end
local size, offset = size_of(value), tonumber(ARGV[6])
local stop = math.min(size, offset + tonumber(ARGV[7]))
local pieces = {}
while offset < stop do
  local at = math.floor(offset / segment)
  local within = offset - at * segment
  local count = math.min(stop - offset, segment - within)
  pieces[#pieces + 1] = redis.call('GETRANGE', part(value, at), within, within + count - 1)
  offset = offset + count
end
return { version, size, #pieces == 1 and pieces[1] or table.concat(pieces) }
`;

/** Then: the version since when. Answers with what was changed, or with 'all' where that is not known any more. */
export const changesScript = `${shared}
local version = version_of()
if version < 0 then return nil end
local size, since = size_of(value), tonumber(ARGV[6])
local ranges = {}
if version ~= since then
  local entries, next = redis.call('LRANGE', log, 0, -1), version
  for at = #entries, 1, -1 do
    local own, before, found = string.match(entries[at], '^(%d+) (%-?%d+) (.*)$')
    if next == since or tonumber(own) ~= next then break end
    if found ~= '' then ranges[#ranges + 1] = found end
    next = tonumber(before)
  end
  if next ~= since then return { version, size, 'all' } end
end
return { version, size, table.concat(ranges, ',') }
`;

/** KEYS has the upload behind. Then: how long it is kept, in milliseconds; offset, bytes. */
export const stageScript = `${shared}
local upload, keep = KEYS[8], ARGV[6]
local staged, offset = upload .. ':bytes', tonumber(ARGV[7])
local old = size_of(staged)
resize(staged, old, math.max(old, offset + #ARGV[8]))
put(staged, offset, ARGV[8])
redis.call('SET', upload, '', 'PX', keep)
for at = 0, math.floor(size_of(staged) / segment) do redis.call('PEXPIRE', part(staged, at), keep) end
return 1
`;

/** KEYS has the upload behind. Then: expected version, if absent, fence, size. */
export const commitScript = `${shared}
local upload, size = KEYS[8], tonumber(ARGV[9])
local staged = upload .. ':bytes'
if redis.call('EXISTS', upload) == 0 then return { 2 } end
local previous = version_of()
if is_lost(ARGV[8]) then return { 3 } end
if is_refused(previous, ARGV[6], ARGV[7]) then return { 0, previous } end
local old = previous < 0 and 0 or size_of(value)
resize(staged, size_of(staged), size)
remove(value, old)
for at = 0, math.max(0, math.ceil(size / segment) - 1) do
  redis.call('RENAME', part(staged, at), part(value, at))
  redis.call('PERSIST', part(value, at))
end
redis.call('DEL', upload)
return changed(previous, old, size, { range(0, math.max(old, size)) })
`;

/** KEYS has the upload behind. */
export const discardScript = `${shared}
local staged = KEYS[8] .. ':bytes'
remove(staged, size_of(staged))
redis.call('DEL', KEYS[8])
return 1
`;

/**
 * Then: the token after which, or ''; how many; what the keys of values begin with; 'raw' where a token's bytes follow
 * that. Answers with token, size and version of each.
 */
export const listScript = `${shared}
local after, limit = ARGV[6] == '' and '-' or '(' .. ARGV[6], tonumber(ARGV[7])
local found = {}
local function byte(hex) return string.char(tonumber(hex, 16)) end
for _, one in ipairs(redis.call('ZRANGEBYLEX', names, after, '+', 'LIMIT', 0, limit)) do
  local key = ARGV[8] .. (ARGV[9] == 'raw' and string.gsub(one, '=(%x%x)', byte) or one)
  found[#found + 1] = one
  found[#found + 1] = size_of(key)
  found[#found + 1] = tonumber(redis.call('HGET', versions, one) or '0')
end
return found
`;
