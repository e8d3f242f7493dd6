-- Says how much a memory holds that has not expired. KEYS: use, values, facts, order, expiry. ARGV: now.

local entries, bytes = held('entries'), held('bytes')
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', ARGV[1])) do
  entries = entries - 1
  bytes = bytes - cmsgpack.unpack(redis.call('HGET', KEYS[3], name))[3]
end
return {entries, bytes}
