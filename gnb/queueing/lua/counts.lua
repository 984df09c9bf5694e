-- counts: how many jobs of a queue are in each state, and what was counted since the queue's first job.
-- Minutes that are over are added to the totals here, every count once, and then kept for a day for the plots.
--
-- KEYS  1-10 rq:queue:  11-20 rq:wip:  21-30 rq:finished:  31-40 rq:failed:  41-50 rq:scheduled:  (<band> each)
--       51 gnb:paused:<queue>  52 rq:suspended  53 gnb:limit:<queue>  54 gnb:totals:<queue>  55 gnb:minutes:<queue>
--       56 gnb:minute:<queue>:<this minute>; beside each minute <its key>:added, what of it is in the totals
-- Returns {waiting, active, completed, failed, delayed, paused, limit or "", enqueued_at of the oldest waiting or "",
--          now, {totals' names and values…}, {the same of this minute, beyond the totals}}.

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

-- What a minute has counted beyond what is in the totals already, as {name, count, …}. A minute is looked at again when
-- something is counted in it late: by a worker whose clock lags, or that could not reach the broker for a while.
local function beyond_totals(minute)
  local words, added, beyond = redis.call('HGETALL', minute), {}, {}
  local before = redis.call('HGETALL', minute .. ':added')
  for place = 1, #before, 2 do added[before[place]] = tonumber(before[place + 1]) end
  for place = 1, #words, 2 do
    local name = words[place]
    local count = name == 'depth' and 0 or tonumber(words[place + 1]) - (added[name] or 0)
    if count ~= 0 then
      beyond[#beyond + 1] = name
      beyond[#beyond + 1] = string.format('%.0f', count)
    end
  end
  return beyond
end

for _, minute in ipairs(redis.call('SMEMBERS', KEYS[55])) do
  if minute ~= KEYS[56] then
    local beyond = beyond_totals(minute)
    for place = 1, #beyond, 2 do
      redis.call('HINCRBY', KEYS[54], beyond[place], beyond[place + 1])
      redis.call('HINCRBY', minute .. ':added', beyond[place], beyond[place + 1])
    end
    redis.call('EXPIRE', minute, 90000)
    redis.call('EXPIRE', minute .. ':added', 90000)
    redis.call('SREM', KEYS[55], minute)
  end
end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local flags = redis.call('MGET', KEYS[51], KEYS[52], KEYS[53])
return {sum('LLEN', 1), sum('ZCARD', 11), sum('ZCOUNT', 21, now, '+inf'), sum('ZCOUNT', 31, now, '+inf'), sum('ZCARD', 41),
  (flags[1] or flags[2]) and 1 or 0, flags[3] or '', oldest_waiting(), tostring(now),
  redis.call('HGETALL', KEYS[54]), beyond_totals(KEYS[56])}
