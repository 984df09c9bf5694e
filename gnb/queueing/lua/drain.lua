-- drain: removes waiting and delayed jobs, some at a time so that the broker stays free for others.
--
-- KEYS  1-10 rq:queue:<sub_queue>   11-20 rq:scheduled:<sub_queue>
-- ARGV  1 how many at most   2 now, RQ's time format
-- Writes rq:job, rq:results, gnb:logs of each, and the keys of dependents.lua.
-- Returns how many were removed.

local left = tonumber(ARGV[1])
local function remove(ids, step)
  for number = 1, #ids, step do
    if string.sub(ids[number], 1, 9) ~= 'schedule-' then -- a schedule's template stays
      forget(ids[number])
    end
    left = left - 1
  end
end
for number = 1, 10 do
  if left > 0 then remove(redis.call('LPOP', KEYS[number], left) or {}, 1) end
end
for number = 11, 20 do
  if left > 0 then remove(redis.call('ZPOPMIN', KEYS[number], left), 2) end
end
local time = redis.call('TIME')
resolve_dependents(time[1] + time[2] / 1000000, ARGV[2], 200)
return ARGV[1] - left
