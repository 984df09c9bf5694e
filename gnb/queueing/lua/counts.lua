-- counts: how many jobs of a queue are in each state, and what was counted since the queue's first job.
-- What was counted in a minute that is over is moved to the totals and the history here, every count once.
--
-- KEYS  1-10 rq:queue:  11-20 rq:wip:  21-30 rq:finished:  31-40 rq:failed:  41-50 rq:scheduled:  (<sub_queue> each)
--       51-60 rq:deferred:  61 gnb:paused:<queue>  62 rq:suspended  63 gnb:limit:<queue>  64 gnb:concurrency:<queue>
--       65 gnb:totals:<queue>  66 gnb:counts:<queue>, "<minute>|<name>" each, from finish.lua
--       67 gnb:starts:<queue>   68-69 gnb:retention:<queue>:completed|failed
-- ARGV  1 the configured rate limit   2 seconds for which a minute of the history is kept   3 the same of an hour and a day
-- Writes the history: gnb:minute:<queue>:<minute> as it was counted, gnb:hour:<queue>:<hour> and gnb:day:<queue>:<day> by the
--        outcome of each type ("<type>|<outcome>||") and the buckets of all types ("|duration|<bucket>", "|wait|<bucket>").
-- Delayed are also the next jobs of `repeat`, by repeated.lua.
-- Returns {waiting, active, completed, failed, delayed, deferred, 1 if paused + 2 if suspended, limit or "", concurrency limit or "",
--          enqueued_at of the oldest waiting or "", now, {totals' names and values…}, {the same of this minute, beyond the
--          totals}, {seconds until the rate limit allows a start, seconds since the latest start that it counted or ""},
--          retention of completed jobs or "", of failed ones or ""}.

local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

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

-- What this minute has counted so far, as {name, count, …}; whatever another has is added up, unless the broker accepts no
-- writes, being full or without replicas: then it is returned with this minute's, and added up by a later call.
local function add_up()
  local this_minute, lately, sums = string.format('%d', now / 60), {}, {}
  local queue = string.sub(KEYS[66], 12)
  local function sum_up(step, number, name, count)
    local key = string.format('gnb:%s:%s:%d', step, queue, number)
    sums[key] = sums[key] or {}
    sums[key][name] = (sums[key][name] or 0) + count
  end
  local counts = redis.call('HGETALL', KEYS[66])
  for place = 1, #counts, 2 do
    local minute, name = string.match(counts[place], '^(%d+)|(.+)$')
    if minute == this_minute or type(redis.pcall('HINCRBY', KEYS[65], name, counts[place + 1])) == 'table' then
      lately[#lately + 1] = name
      lately[#lately + 1] = counts[place + 1]
    else
      local count = counts[place + 1]
      sum_up('minute', minute, name, count)
      local ended, duration, wait = string.match(name, '^(.*|.*|)(%d*)|(%d*)$')
      for step, minutes in pairs({hour = 60, day = 1440}) do
        local number = math.floor(minute / minutes)
        sum_up(step, number, ended and ended .. '|' or name, count)
        if duration and duration ~= '' then sum_up(step, number, '|duration|' .. duration, count) end
        if wait and wait ~= '' then sum_up(step, number, '|wait|' .. wait, count) end
      end
      redis.call('HDEL', KEYS[66], counts[place])
    end
  end
  for key, fields in pairs(sums) do
    for name, count in pairs(fields) do redis.call('HINCRBY', key, name, string.format('%.0f', count)) end
    redis.call('EXPIRE', key, string.sub(key, 5, 7) == 'min' and ARGV[2] or ARGV[3])
  end
  return lately
end

-- As wait_for_limit in dequeue_job.lua decides it.
local function rate_limit(limit)
  local count, window = string.match(limit, '^(%d+)/(.+)s$')
  local oldest = count and tonumber(redis.call('LINDEX', KEYS[67], -count) or nil)
  local latest = count and tonumber(redis.call('LINDEX', KEYS[67], -1) or nil)
  local wait = oldest and oldest <= now and math.max(oldest + window - now, 0) or 0
  return {tostring(wait), latest and tostring(math.max(now - latest, 0)) or ''}
end

local lately = add_up()
local flags = redis.call('MGET', KEYS[61], KEYS[62], KEYS[63], KEYS[64], KEYS[68], KEYS[69])
return {sum('LLEN', 1), sum('ZCARD', 11), sum('ZCOUNT', 21, now, '+inf'), sum('ZCOUNT', 31, now, '+inf'),
  sum('ZCARD', 41) + #repeated_jobs(string.sub(KEYS[66], 12)) / 2, sum('ZCARD', 51), (flags[1] and 1 or 0) + (flags[2] and 2 or 0), flags[3] or '', flags[4] or '', oldest_waiting(), tostring(now),
  redis.call('HGETALL', KEYS[65]), lately, rate_limit(flags[3] or ARGV[1]), flags[5] or '', flags[6] or ''}
