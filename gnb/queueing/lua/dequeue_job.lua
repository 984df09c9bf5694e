-- dequeue_job(now): dequeue the next job of a queue and record it as started in the same step, so that none is ever lost.
-- A fragment: dequeue.lua and finish.lua are this text followed by others.
--
-- KEYS  1-10   rq:queue:<sub_queue>             the sub_queues' lists, most urgent first
--       11     gnb:paused:<queue>          there while the queue is paused
--       12     rq:suspended                there while RQ's own `rq suspend` holds
--       13     gnb:limit:<queue>           a rate limit set at run time, "<starts>/<seconds>s" or "none"
--       14     gnb:starts:<queue>          list of the latest starts, seconds; as long as the limit's count
--       15     gnb:wake:<queue>            sorted set with one member while there is work for an idle worker
--       16     rq:worker:<name>            RQ's hash of the worker
--       17     gnb:executions:<name>       set of what the worker runs, "<id>:<execution>" each
--       18     gnb:counts:<queue>          hash of what was counted lately, "<minute>|<field>" each
--       19     gnb:concurrency:<queue>     a concurrency limit set at run time, a number or "none"
--       20-21  gnb:retention:<queue>:completed|failed   how long ended jobs are kept, set at run time: "<seconds>|<number>", -1 for all
-- ARGV  DequeueArgs of scripts.py
-- For jobs with a rate limit of their key, by a digest of its value:
--   gnb:key-starts:<queue>:<digest>   list of the latest starts, as long as the limit's count
--   gnb:held:<queue>:<digest>         sorted set of the jobs that were delayed for it, in their order
-- Returns {"job", now, id, sub_queue, field…} | {"paused"} | {"empty"} | {"wait", seconds}; with prefetched jobs behind the
-- first one, each as id, sub_queue, field…

local function clock()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

-- Seconds until the rolling limit allows one more start; if 0, how many starts it has to know of, none without a limit.
local function wait_for_limit(limit, now)
  local count, window = string.match(limit, '^(%d+)/(.+)s$')
  if not count then return 0 end
  local oldest = tonumber(redis.call('LINDEX', KEYS[14], -count) or nil)
  if oldest and oldest <= now and oldest + window > now then
    return oldest + window - now
  end
  return 0, count
end

-- Whether as many jobs of the queue run as may at once. Each has a lease, also that of a worker that died, until the job
-- is requeued.
local function at_concurrency_limit(limit)
  local most, running = tonumber(limit), 0
  if not most then return false end
  for number = 1, 10 do running = running + redis.call('ZCARD', 'rq:wip:' .. string.sub(KEYS[number], 10)) end
  return running >= most
end

local function jobs_wait()
  return redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]) > 0
end

-- Whether the job is over the rate limit of its key, and so delayed until the time at which it may start. Each held job has
-- a time of its own, a window after the start of the job that is `count` places ahead of it, be that start made or planned
-- (its field `held`): jobs of one key keep their order, and each is set aside once unless those ahead of it start late.
local LATEST = 3600 -- seconds for which held jobs that are due and not dequeued keep their places before newer ones

local function hold(id, sub_queue, limit, was_held, now)
  local digest, count, window = string.match(limit, '^(%x+)|(%d+)|(.+)$')
  if not tonumber(window or '') then return false end -- something else wrote the field
  local queue, job = string.sub(KEYS[15], 10), 'rq:job:' .. id
  local starts, held = 'gnb:key-starts:' .. queue .. ':' .. digest, 'gnb:held:' .. queue .. ':' .. digest
  local function after_start(place)
    local start = tonumber(redis.call('LINDEX', starts, -place) or nil)
    return start and start <= now and start + window or 0 -- one in the future is from before the clock was set back
  end
  local place = was_held and redis.call('ZRANK', held, id)
  local ahead = place or redis.call('ZCARD', held)
  local free = after_start(count)
  if ahead > 0 and ahead < tonumber(count) then
    free = math.max(free, after_start(count - ahead))
  elseif ahead > 0 then
    local before = redis.call('ZRANGE', held, ahead - count, ahead - count)[1]
    free = math.max(free, (redis.call('HGET', 'rq:job:' .. before, 'held') or 0) + window)
  end
  if free <= now and ahead > 0 then -- let the one before it be promoted first, which takes half a second at most
    local before = redis.call('HMGET', 'rq:job:' .. redis.call('ZRANGE', held, ahead - 1, ahead - 1)[1], 'status', 'held')
    local planned = tonumber(before[2] or nil)
    if before[1] == 'scheduled' and planned and planned > now - 5 then free = math.max(planned, now) + 0.000001 end
  end
  if free <= now then
    if was_held then
      redis.call('ZREM', held, id)
      redis.call('HDEL', job, 'held')
    end
    redis.call('RPUSH', starts, string.format('%.6f', now))
    redis.call('LTRIM', starts, -count, -1)
    redis.call('PEXPIRE', starts, math.ceil(window * 1000))
    return false
  end
  if not place then
    redis.call('ZADD', held, (redis.call('ZRANGE', held, -1, -1, 'WITHSCORES')[2] or 0) + 1, id)
    redis.call('HINCRBY', KEYS[18], string.format('%d|held', now / 60), 1)
  end
  local forgotten = math.ceil((free + window + LATEST) * 1000)
  redis.call('PEXPIREAT', held, forgotten, 'NX')
  redis.call('PEXPIREAT', held, forgotten, 'GT')
  redis.call('HSET', job, 'status', 'scheduled', 'held', string.format('%.6f', free))
  redis.call('ZADD', 'rq:scheduled:' .. sub_queue, string.format('%.6f', free), id)
  return true
end

-- RQ's form of a time. What is shown as a job's start is then the moment that the rate limit counts, not the worker's clock.
local function iso(now)
  local day, rest = math.floor(now / 86400), now % 86400
  local era = math.floor((day + 719468) / 146097)
  local of_era = day + 719468 - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local from_march = math.floor((5 * of_year + 2) / 153)
  local month = from_march < 10 and from_march + 3 or from_march - 9
  return string.format('%04d-%02d-%02dT%02d:%02d:%09.6fZ', year + era * 400 + (month <= 2 and 1 or 0), month,
    of_year - math.floor((153 * from_march + 2) / 5) + 1, math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60)
end

-- What holds for the whole queue; finish.lua reads the last two.
local flags = redis.call('MGET', KEYS[11], KEYS[12], KEYS[13], KEYS[19], KEYS[20], KEYS[21])

local function dequeue_job(now)
  if flags[1] or flags[2] then return {'paused'} end
  -- A job's end wakes the worker sooner than the second that it is told to wait.
  local most_at_once = flags[4] or args.concurrency_limit
  if at_concurrency_limit(most_at_once) then return {'wait', '1'} end
  local wait, kept_starts = wait_for_limit(flags[3] or args.rate_limit, now)
  if wait > 0 then return {'wait', string.format('%.6f', wait)} end
  local id, sub_queue, fields, passed = nil, nil, nil, 0
  repeat
    if passed >= 500 then return {'wait', '0.001'} end -- the broker is free for others; the worker calls again
    local popped = redis.call('LMPOP', 10, KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], 'LEFT')
    if not popped then return {'empty'} end
    id, sub_queue = popped[2][1], string.sub(popped[1], 10)
    fields = redis.call('HMGET', 'rq:job:' .. id, 'data', 'timeout', 'enqueued_at', 'retries_left', 'retry_intervals',
      'result_ttl', 'failure_ttl', 'keep_completed', 'keep_failed', 'attempts', 'meta', 'started_at', 'type', 'key_limit',
      'held', 'stalls')
    passed = passed + 1
    if fields[1] and fields[14] and hold(id, sub_queue, fields[14], fields[15], now) then fields, passed = {}, passed + 9 end
  until fields[1] -- an id whose job is gone is passed over, as RQ does
  if kept_starts then
    redis.call('RPUSH', KEYS[14], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[14], -kept_starts, -1)
  end
  local member = id .. ':' .. args.execution_id
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', iso(now), 'last_heartbeat', args.rq_now,
    'worker_name', args.worker)
  redis.call('ZADD', 'rq:wip:' .. sub_queue, now + args.lease, member)
  redis.call('SADD', KEYS[17], member)
  local answer = {'job', string.format('%.6f', now), id, sub_queue, unpack(fields, 1, 13)}
  -- More jobs of one sub-queue, which the worker starts one after another or gives back: they have leases, but no start yet. A
  -- job with a limit of its key, or whose worker was lost, is dequeued alone: it is left with those behind it. No function of
  -- its own, which would be made in every call.
  local alone = kept_starts or tonumber(most_at_once) or fields[14] or fields[16]
  local popped = args.prefetch ~= '1' and not alone and redis.call('LMPOP', 10, KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5],
    KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], 'LEFT', 'COUNT', args.prefetch - 1)
  if popped then
    local list, ids, leases, members = popped[1], popped[2], {}, {}
    for place, next_id in ipairs(ids) do
      local more = redis.call('HMGET', 'rq:job:' .. next_id, 'data', 'timeout', 'enqueued_at', 'retries_left',
        'retry_intervals', 'result_ttl', 'failure_ttl', 'keep_completed', 'keep_failed', 'attempts', 'meta', 'started_at',
        'type', 'key_limit', 'stalls')
      if more[1] and (more[14] or more[15]) then
        for left = #ids, place, -1 do redis.call('LPUSH', list, ids[left]) end
        break
      elseif more[1] then
        member = string.format('%s:%s%02x', next_id, string.sub(args.execution_id, 1, -3), #members + 1)
        redis.call('HSET', 'rq:job:' .. next_id, 'status', 'started', 'last_heartbeat', args.rq_now, 'worker_name', args.worker)
        members[#members + 1] = member
        leases[#leases + 1] = now + args.lease
        leases[#leases + 1] = member
        answer[#answer + 1] = next_id
        answer[#answer + 1] = string.sub(list, 10)
        for number = 1, 13 do answer[#answer + 1] = more[number] end
      end
    end
    if #members > 0 then
      redis.call('ZADD', 'rq:wip:' .. string.sub(list, 10), unpack(leases))
      redis.call('SADD', KEYS[17], unpack(members))
    end
  end
  if args.was_idle == '1' then
    redis.call('HSET', KEYS[16], 'state', 'busy')
    if jobs_wait() then redis.call('ZADD', KEYS[15], 0, 'work') end
  end
  return answer
end
