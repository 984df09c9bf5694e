-- promote: delayed and retrying jobs whose time has come go to the end of their sub_queue.
--
-- KEYS  1-10 rq:scheduled:<sub_queue>, most urgent first   11 gnb:wake:<queue>
-- ARGV  1 now, RQ's time format   2 how many at most
-- Returns how many were moved.

local time, moved, most = redis.call('TIME'), 0, tonumber(ARGV[2])
for number = 1, 10 do
  local sub_queue = string.sub(KEYS[number], 14)
  local due = redis.call('ZRANGE', KEYS[number], '-inf', time[1] + time[2] / 1000000, 'BYSCORE', 'LIMIT', 0, most - moved)
  for _, id in ipairs(due) do
    redis.call('ZREM', KEYS[number], id)
    if redis.call('EXISTS', 'rq:job:' .. id) == 1 then
      redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[1])
      redis.call('RPUSH', 'rq:queue:' .. sub_queue, id)
      moved = moved + 1
    end
  end
  if moved >= most then break end
end
if moved > 0 then redis.call('ZADD', KEYS[11], 0, 'work') end
return moved
