-- Lists keys. KEYS: use, values, facts, order. ARGV: from, to (as ZRANGEBYLEX wants them), limit, now, most bytes.
-- Answers key, value and facts of each.

local from, limit, now, room = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local found = {}
while true do
  local names = redis.call('ZRANGEBYLEX', KEYS[4], from, ARGV[2], 'LIMIT', 0, 100)
  for _, name in ipairs(names) do
    local known = redis.call('HGET', KEYS[3], name)
    local facts = cmsgpack.unpack(known)
    if not facts[2] or facts[2] > now then
      room = room - facts[3]
      if #found == limit or (room < 0 and #found > 0) then
        return found
      end
      found[#found + 1] = {name, redis.call('HGET', KEYS[2], name), known}
    end
  end
  if #names < 100 then
    return found
  end
  from = '(' .. names[#names]
end
