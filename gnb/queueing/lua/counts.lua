-- counts: how many jobs of a queue are in each state, and what was counted since the queue's first job.
-- What was counted in a minute that is over is moved to the totals and the history here, every count once.
--
-- KEYS  1-10 rq:queue:  11-20 rq:wip:  21-30 rq:finished:  31-40 rq:failed:  41-50 rq:scheduled:  (<sub_queue> each)
--       51 gnb:paused:<queue>  52 rq:suspended  53 gnb:limit:<queue>  54 gnb:totals:<queue>
--       55 gnb:counts:<queue>, "<minute>|<name>" each, from finish.lua   56-65 rq:deferred:<sub_queue>
-- Writes gnb:minute:<queue>:<minute>, the history, kept for a day for the plots.
-- Returns {waiting, active, completed, failed, delayed, paused, limit or "", enqueued_at of the oldest waiting or "",
--          now, {totals' names and values…}, {the same of this minute, beyond the totals}, deferred}.

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

-- What this minute has counted so far, as {name, count, …}; whatever another has is added up, unless the broker takes no
-- writes, being full or without replicas: then it is told like this minute's, and added up some other time.
local function add_up()
  local this_minute, lately = string.format('%d', now / 60), {}
  local counts = redis.call('HGETALL', KEYS[55])
  for place = 1, #counts, 2 do
    local minute, name = string.match(counts[place], '^(%d+)|(.+)$')
    if minute == this_minute or type(redis.pcall('HINCRBY', KEYS[54], name, counts[place + 1])) == 'table' then
      lately[#lately + 1] = name
      lately[#lately + 1] = counts[place + 1]
    else
      local past = 'gnb:minute:' .. string.sub(KEYS[55], 12) .. ':' .. minute
      redis.call('HINCRBY', past, name, counts[place + 1])
      redis.call('EXPIRE', past, 90000)
      redis.call('HDEL', KEYS[55], counts[place])
    end
  end
  return lately
end

local lately = add_up()
local flags = redis.call('MGET', KEYS[51], KEYS[52], KEYS[53])
return {sum('LLEN', 1), sum('ZCARD', 11), sum('ZCOUNT', 21, now, '+inf'), sum('ZCOUNT', 31, now, '+inf'), sum('ZCARD', 41),
  (flags[1] or flags[2]) and 1 or 0, flags[3] or '', oldest_waiting(), tostring(now),
  redis.call('HGETALL', KEYS[54]), lately, sum('ZCARD', 56)}
