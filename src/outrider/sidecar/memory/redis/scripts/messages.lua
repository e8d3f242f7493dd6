-- Reads messages behind a place, oldest first. KEYS: use, sessions, tokens, order, texts, facts. ARGV: place, limit, most bytes.

local found, size = {}, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[2])) do
  local known = redis.call('HGET', KEYS[6], id)
  size = size + cmsgpack.unpack(known)[6]
  if #found > 0 and size > tonumber(ARGV[3]) then
    return found
  end
  found[#found + 1] = {id, redis.call('HGET', KEYS[5], id), known}
end
return found
