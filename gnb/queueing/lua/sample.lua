-- sample: the depths of a queue in its history: those of a minute once, of an hour and a day the largest.
--
-- KEYS  1 gnb:minute:<queue>:<minute>   2 gnb:hour:<queue>:<hour>   3 gnb:day:<queue>:<day>
-- ARGV  1 seconds for which the minute is kept   2 the same of hour and day   3… the depths
-- Returns nothing; the first process in a minute writes.

local depths = {unpack(ARGV, 3)}
if redis.call('HSETNX', KEYS[1], 'depth', table.concat(depths, ',')) == 0 then return end
redis.call('EXPIRE', KEYS[1], ARGV[1])
for number = 2, 3 do
  local largest = {}
  for known in string.gmatch(redis.call('HGET', KEYS[number], 'depth') or '', '%d+') do largest[#largest + 1] = tonumber(known) end
  for each, depth in ipairs(depths) do largest[each] = string.format('%.0f', math.max(largest[each] or 0, depth)) end
  redis.call('HSET', KEYS[number], 'depth', table.concat(largest, ','))
  redis.call('EXPIRE', KEYS[number], ARGV[2])
end
