local mine, others = tonumber(ARGV[2]), 0
local rows = redis.call('HGETALL', KEYS[1])
for at = 1, #rows, 2 do
    if rows[at] == ARGV[1] then
        mine = math.max(mine, tonumber(rows[at + 1]))
    else
        others = others + tonumber(rows[at + 1])
    end
end
local held = math.max(mine, math.min(tonumber(ARGV[3]), tonumber(ARGV[4]) - others))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', held))
redis.call('EXPIREAT', KEYS[1], ARGV[5])
return string.format('%.0f', held)
