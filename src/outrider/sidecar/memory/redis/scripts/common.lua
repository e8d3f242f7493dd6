-- Part of every script. The first key is the hash that says what a memory holds: entries, bytes, counter, dimension.

local function held(field)
  return tonumber(redis.call('HGET', KEYS[1], field) or '0')
end

-- Whether a change leads above a quota; empty is none.
local function exceeds(most_entries, most_bytes, more, larger)
  if most_entries ~= '' and more > 0 and held('entries') + more > tonumber(most_entries) then
    return true
  end
  return most_bytes ~= '' and larger > 0 and held('bytes') + larger > tonumber(most_bytes)
end

local function refused()
  return {'quota', held('entries'), held('bytes')}
end

local function grow(more, larger)
  redis.call('HINCRBY', KEYS[1], 'entries', more)
  redis.call('HINCRBY', KEYS[1], 'bytes', larger)
end

