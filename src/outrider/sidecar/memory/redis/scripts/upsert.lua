-- Writes items. KEYS: use, sizes, order, written, then the hash of each item. ARGV: most entries, most bytes, dimension, now, then
-- of each item: id, text, metadata, vector, labels, size.

local more, larger = 0, 0
if held('entries') > 0 and held('dimension') ~= tonumber(ARGV[3]) then
  return {'dimension', held('dimension')}
end
for item = 0, #KEYS - 5 do
  local at = 4 + item * 6
  local before = redis.call('HGET', KEYS[2], ARGV[at + 1])
  more = more + (before and 0 or 1)
  larger = larger + tonumber(ARGV[at + 6]) - tonumber(before or '0')
end
if exceeds(ARGV[1], ARGV[2], more, larger) then
  return refused()
end

redis.call('HSET', KEYS[1], 'dimension', ARGV[3])
grow(more, larger)
for item = 0, #KEYS - 5 do
  local at = 4 + item * 6
  redis.call('HSET', KEYS[2], ARGV[at + 1], ARGV[at + 6])
  redis.call('ZADD', KEYS[3], 0, ARGV[at + 1])
  redis.call('ZADD', KEYS[4], ARGV[4], ARGV[at + 1])
  redis.call('DEL', KEYS[5 + item])
  redis.call('HSET', KEYS[5 + item], 'text', ARGV[at + 2], 'metadata', ARGV[at + 3], 'vector', ARGV[at + 4], 'labels', ARGV[at + 5])
end
return {'ok'}
