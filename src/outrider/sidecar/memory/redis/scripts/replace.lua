-- Puts a summary in the place of messages. KEYS: use, sessions, tokens, order, texts, facts.
-- ARGV: session, most entries, most bytes, the last that is replaced, then of the summary: id, text, tokens, time, whether it calls, size,
-- then id and text of each message that must stand there; none where it may be any.

local known = redis.call('HGET', KEYS[6], ARGV[4])
if not known then
  return {'unknown'}
end
local last = cmsgpack.unpack(known)
local place = last[1]
local following = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. place, '+inf', 'LIMIT', 0, 1)[1]
if following then
  local facts = cmsgpack.unpack(redis.call('HGET', KEYS[6], following))
  if facts[1] ~= facts[2] then
    return {'split'}
  end
elseif last[5] == 1 then
  return {'split'}
end

local replaced, size, tokens = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', place), 0, 0
local expected = (#ARGV - 10) / 2
if expected > 0 and expected ~= #replaced then
  return {'changed'}
end
for at = 1, expected do
  if replaced[at] ~= ARGV[9 + 2 * at] or redis.call('HGET', KEYS[5], replaced[at]) ~= ARGV[10 + 2 * at] then
    return {'changed'}
  end
end

local same = redis.call('HGET', KEYS[6], ARGV[5])
if same and cmsgpack.unpack(same)[1] > place then
  return {'known', ARGV[5]}
end
for _, id in ipairs(replaced) do
  local facts = cmsgpack.unpack(redis.call('HGET', KEYS[6], id))
  tokens = tokens + facts[3]
  size = size + facts[6]
end
if exceeds(ARGV[2], ARGV[3], 1 - #replaced, tonumber(ARGV[10]) - size) then
  return refused()
end

for _, id in ipairs(replaced) do
  redis.call('HDEL', KEYS[5], id)
  redis.call('HDEL', KEYS[6], id)
  redis.call('ZREM', KEYS[4], id)
end
local facts = {place, place, tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])}
redis.call('ZADD', KEYS[4], place, ARGV[5])
redis.call('HSET', KEYS[5], ARGV[5], ARGV[6])
redis.call('HSET', KEYS[6], ARGV[5], cmsgpack.pack(facts))
redis.call('HINCRBY', KEYS[3], ARGV[1], tonumber(ARGV[7]) - tokens)
grow(1 - #replaced, tonumber(ARGV[10]) - size)
return {'ok'}
