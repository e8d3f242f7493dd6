-- Writes a value. KEYS: use, values, facts, order, expiry, written.
-- ARGV: key, value, size, now, expires or '', expected version or '', most entries, most bytes.
-- A key's facts are its version, when it expires or false, and its size.

local key, size, now = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])

local function drop(name)
  local facts = cmsgpack.unpack(redis.call('HGET', KEYS[3], name))
  redis.call('HDEL', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[4], name)
  redis.call('ZREM', KEYS[5], name)
  redis.call('ZREM', KEYS[6], name)
  grow(-1, -facts[3])
end

local known = redis.call('HGET', KEYS[3], key)
local before, version = nil, 0
if known then
  local facts = cmsgpack.unpack(known)
  before = facts[3]
  if not facts[2] or facts[2] > now then
    version = facts[1]
  end
end
if ARGV[6] ~= '' and tonumber(ARGV[6]) ~= version then
  return {'version', version}
end

local more, larger = before and 0 or 1, size - (before or 0)
if exceeds(ARGV[7], ARGV[8], more, larger) then
  -- What nobody sees any more must not keep anybody from writing.
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', ARGV[4])) do
    if name ~= key then
      drop(name)
    end
  end
  if exceeds(ARGV[7], ARGV[8], more, larger) then
    return refused()
  end
end

local counter = redis.call('HINCRBY', KEYS[1], 'counter', 1)
grow(more, larger)
redis.call('HSET', KEYS[2], key, ARGV[2])
redis.call('HSET', KEYS[3], key, cmsgpack.pack({counter, ARGV[5] ~= '' and tonumber(ARGV[5]), size}))
redis.call('ZADD', KEYS[4], 0, key)
redis.call('ZADD', KEYS[6], ARGV[4], key)
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[5], key)
else
  redis.call('ZADD', KEYS[5], ARGV[5], key)
end
return {'ok', counter}
