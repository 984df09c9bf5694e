-- counts: how many jobs of a queue are in each state, and what was counted since the queue's first job.
-- Minutes that are over are added to the totals here, once each, and then kept for a day for the plots.
--
-- KEYS  1-10 rq:queue:  11-20 rq:wip:  21-30 rq:finished:  31-40 rq:failed:  41-50 rq:scheduled:  (<band> each)
--       51 gnb:paused:<queue>  52 rq:suspended  53 gnb:limit:<queue>  54 gnb:totals:<queue>  55 gnb:minutes:<queue>
--       56 gnb:minute:<queue>:<this minute>
-- Returns {waiting, active, completed, failed, delayed, paused, limit or "", enqueued_at of the oldest waiting or "",
--          now, {totals' names and values…}, {this minute's names and values…}}.

local function sum(command, from, ...)
  local total = 0
  for number = from, from + 9 do total = total + redis.call(command, KEYS[number], ...) end
  return total
end

local function oldest_waiting()
  local oldest = ''
  for number = 1, 10 do
    local id = redis.call('LINDEX', KEYS[number], 0)
    local since = id and redis.call('HGET', 'rq:job:' .. id, 'enqueued_at')
    if since and (oldest == '' or since < oldest) then oldest = since end
  end
  return oldest
end

for _, minute in ipairs(redis.call('SMEMBERS', KEYS[55])) do
  if minute ~= KEYS[56] then
    local words = redis.call('HGETALL', minute)
    for place = 1, #words, 2 do
      if words[place] ~= 'depth' then redis.call('HINCRBY', KEYS[54], words[place], words[place + 1]) end
    end
    redis.call('EXPIRE', minute, 90000)
    redis.call('SREM', KEYS[55], minute)
  end
end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local flags = redis.call('MGET', KEYS[51], KEYS[52], KEYS[53])
return {sum('LLEN', 1), sum('ZCARD', 11), sum('ZCOUNT', 21, now, '+inf'), sum('ZCOUNT', 31, now, '+inf'), sum('ZCARD', 41),
  (flags[1] or flags[2]) and 1 or 0, flags[3] or '', oldest_waiting(), tostring(now),
  redis.call('HGETALL', KEYS[54]), redis.call('HGETALL', KEYS[56])}
