-- Appends messages. KEYS: use, sessions, tokens, order, texts, facts; the last three of the session.
-- ARGV: session, most entries, most bytes, then of each message: id, text, tokens, time, whether it calls, size, whether it is a result.
-- A message's facts are its place, the place of the message it belongs to, tokens, time, whether it calls, size.

local count, size, tokens = (#ARGV - 3) / 7, 0, 0
for message = 0, count - 1 do
  local at = 3 + message * 7
  if redis.call('HEXISTS', KEYS[6], ARGV[at + 1]) == 1 then
    return {'known', ARGV[at + 1]}
  end
  tokens = tokens + tonumber(ARGV[at + 3])
  size = size + tonumber(ARGV[at + 6])
end
if exceeds(ARGV[2], ARGV[3], count, size) then
  return refused()
end

local head = nil
local newest = redis.call('ZREVRANGE', KEYS[4], 0, 0)[1]
if newest then
  head = cmsgpack.unpack(redis.call('HGET', KEYS[6], newest))[2]
end
for message = 0, count - 1 do
  local at = 3 + message * 7
  local place = redis.call('HINCRBY', KEYS[1], 'counter', 1)
  if not head or ARGV[at + 7] ~= '1' then
    head = place
  end
  local facts = {place, head, tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])}
  redis.call('ZADD', KEYS[4], place, ARGV[at + 1])
  redis.call('HSET', KEYS[5], ARGV[at + 1], ARGV[at + 2])
  redis.call('HSET', KEYS[6], ARGV[at + 1], cmsgpack.pack(facts))
end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[1], tokens)
grow(count, size)
return {'ok'}
