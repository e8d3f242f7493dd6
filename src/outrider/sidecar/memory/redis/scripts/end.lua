-- Deletes what is known of a memory without sessions. KEYS: use, sessions. Answers whether it has none.

if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
