-- Says what is known of a session. KEYS: use, sessions, tokens, order, texts, facts. ARGV: session.

local newest = redis.call('ZREVRANGE', KEYS[4], 0, 0)[1]
if not newest then
  return false
end
local tokens = tonumber(redis.call('HGET', KEYS[3], ARGV[1]))
return {redis.call('ZCARD', KEYS[4]), tokens, redis.call('HGET', KEYS[6], newest)}
