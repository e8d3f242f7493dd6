-- Reads the newest messages that fit, as `newest_that_fit` of turns.py does. KEYS: use, sessions, tokens, order, texts, facts.
-- ARGV: most tokens or '', most messages, most bytes. Answers id, text and facts of each, oldest first.

local room = tonumber(ARGV[1])
local ids = redis.call('ZREVRANGE', KEYS[4], 0, tonumber(ARGV[2]) - 1)
local kept, used, size = 0, 0, 0
for seen, id in ipairs(ids) do
  local facts = cmsgpack.unpack(redis.call('HGET', KEYS[6], id))
  used = used + facts[3]
  size = size + facts[6]
  if (room and used > room) or size > tonumber(ARGV[3]) then
    break
  end
  if facts[1] == facts[2] then
    kept = seen
  end
end

local found = {}
for at = kept, 1, -1 do
  found[#found + 1] = {ids[at], redis.call('HGET', KEYS[5], ids[at]), redis.call('HGET', KEYS[6], ids[at])}
end
return found
