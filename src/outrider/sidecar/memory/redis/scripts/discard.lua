-- Deletes items. KEYS: use, sizes, order, written, then the hash of each item. ARGV: dimension, what is too old or '', labels they
-- must have (32 characters each), then the id of each item. What has changed meanwhile, and is not meant any more, stays. Answers how
-- many that were; -1 where the memory has another dimension by now, so that the hashes are others.

if held('entries') > 0 and held('dimension') ~= tonumber(ARGV[1]) then
  return -1
end
local deleted = 0
for item = 1, #KEYS - 4 do
  local id, key = ARGV[3 + item], KEYS[4 + item]
  local size = redis.call('HGET', KEYS[2], id)
  local meant = size and (ARGV[2] == '' or tonumber(redis.call('ZSCORE', KEYS[4], id)) < tonumber(ARGV[2]))
  if meant and ARGV[3] ~= '' then
    local has = redis.call('HGET', key, 'labels') or ''
    for label in string.gmatch(ARGV[3], string.rep('.', 32)) do
      meant = meant and string.find(has, label, 1, true)
    end
  end
  if meant then
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
    redis.call('ZREM', KEYS[4], id)
    redis.call('DEL', key)
    grow(-1, -tonumber(size))
    deleted = deleted + 1
  end
end
if held('entries') == 0 then
  redis.call('DEL', KEYS[1])
end
return deleted
