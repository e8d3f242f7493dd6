-- Deletes the messages of a session that are too old, each with all that belongs to the same call of a tool.
-- KEYS: use, sessions, tokens, order, texts, facts. ARGV: session, what is too old, or '' for all. Answers how many that were.

local ids, heads, all = redis.call('ZRANGE', KEYS[4], 0, -1), {}, {}
for _, id in ipairs(ids) do
  local facts = cmsgpack.unpack(redis.call('HGET', KEYS[6], id))
  all[id] = facts
  if ARGV[2] == '' or facts[4] < tonumber(ARGV[2]) then
    heads[facts[2]] = true
  end
end
local deleted = 0
for _, id in ipairs(ids) do
  local facts = all[id]
  if heads[facts[2]] then
    redis.call('HDEL', KEYS[5], id)
    redis.call('HDEL', KEYS[6], id)
    redis.call('ZREM', KEYS[4], id)
    redis.call('HINCRBY', KEYS[3], ARGV[1], -facts[3])
    grow(-1, -facts[6])
    deleted = deleted + 1
  end
end
if redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
end
return deleted
