-- Deletes keys. KEYS: use, values, facts, order, expiry, written.
-- ARGV: now, what is meant: 'key', then the key and the expected version or ''; 'old', then what is too old; 'all'.
-- Answers how many there were, not counting what had expired, and how many were deleted.

local now = tonumber(ARGV[1])
local names = {}
if ARGV[2] == 'key' then
  names[1] = ARGV[3]
elseif ARGV[2] == 'old' then
  names = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', '(' .. ARGV[3])
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', ARGV[1])) do
    names[#names + 1] = name
  end
else
  names = redis.call('ZRANGE', KEYS[4], 0, -1)
end

local alive, deleted = 0, 0
for _, name in ipairs(names) do
  local known = redis.call('HGET', KEYS[3], name)
  local facts = known and cmsgpack.unpack(known)
  local version = facts and (not facts[2] or facts[2] > now) and facts[1] or 0
  if ARGV[2] == 'key' and ARGV[4] ~= '' and tonumber(ARGV[4]) ~= version then
    return {'version', version}
  end
  if facts then
    redis.call('HDEL', KEYS[2], name)
    redis.call('HDEL', KEYS[3], name)
    redis.call('ZREM', KEYS[4], name)
    redis.call('ZREM', KEYS[5], name)
    redis.call('ZREM', KEYS[6], name)
    grow(-1, -facts[3])
    deleted = deleted + 1
    alive = alive + (version > 0 and 1 or 0)
  end
end
if ARGV[2] == 'all' then
  redis.call('DEL', KEYS[1])
end
return {'ok', alive, deleted}
