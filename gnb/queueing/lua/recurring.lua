-- recurring: what the schedules have counted, and whether a scheduler leads.
--
-- KEYS  1 gnb:schedules   sorted set of names by next time; their hashes gnb:schedule:<name> are read
--       2 gnb:scheduler:leader
-- ARGV  1 how many schedules at most
-- Returns {1 or 0, now, {name, next time, fired, skipped, missed, …}}.

local found = {}
local places = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for place = 1, #places, 2 do
  local counts = redis.call('HMGET', 'gnb:schedule:' .. places[place], 'fired', 'skipped', 'missed')
  for _, word in ipairs({places[place], places[place + 1], counts[1] or '0', counts[2] or '0', counts[3] or '0'}) do
    found[#found + 1] = word
  end
end
local time = redis.call('TIME')
return {redis.call('EXISTS', KEYS[2]), time[1] .. '.' .. string.format('%06d', time[2]), found}
