-- dequeue_job(now): the next job of a queue, recorded as started in the same step, so that it is never in nobody's hands.
-- A fragment: dequeue.lua and finish.lua are this text followed by their own.
--
-- KEYS  1-10   rq:queue:<sub_queue>             the sub_queues' lists, most urgent first
--       11     gnb:paused:<queue>          there while the queue is paused
--       12     rq:suspended                there while RQ's own `rq suspend` holds
--       13     gnb:limit:<queue>           a rate limit set at run time, "<starts>/<seconds>s" or "none"
--       14     gnb:starts:<queue>          list of the latest starts, seconds; as long as the limit's count
--       15     gnb:wake:<queue>            sorted set with one member while there is work for an idle worker
--       16     rq:worker:<name>            RQ's hash of the worker
--       17     gnb:executions:<name>       set of what the worker runs, "<id>:<execution>" each
-- ARGV  DequeueArgs of scripts.py
-- Returns {"job", now, id, sub_queue, field…} | {"paused"} | {"empty"} | {"wait", seconds}.

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

local function dequeue_job(now)
  local flags = redis.call('MGET', KEYS[11], KEYS[12], KEYS[13])
  if flags[1] or flags[2] then return {'paused'} end
  local wait, kept_starts = wait_for_limit(flags[3] or args.rate_limit, now)
  if wait > 0 then return {'wait', string.format('%.6f', wait)} end
  local id, sub_queue, fields, passed = nil, nil, nil, 0
  repeat
    if passed == 500 then return {'wait', '0.001'} end -- the broker is free for others; the worker calls again
    local popped = redis.call('LMPOP', 10, KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], 'LEFT')
    if not popped then return {'empty'} end
    id, sub_queue = popped[2][1], string.sub(popped[1], 10)
    fields = redis.call('HMGET', 'rq:job:' .. id, 'data', 'timeout', 'enqueued_at', 'retries_left', 'retry_intervals',
      'result_ttl', 'failure_ttl', 'keep_completed', 'keep_failed', 'attempts', 'meta', 'started_at', 'type')
    passed = passed + 1
  until fields[1] -- an id whose job is gone is passed over, as RQ does
  if kept_starts then
    redis.call('RPUSH', KEYS[14], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[14], -kept_starts, -1)
  end
  local member = id .. ':' .. args.execution_id
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', args.rq_now, 'last_heartbeat', args.rq_now,
    'worker_name', args.worker)
  redis.call('ZADD', 'rq:wip:' .. sub_queue, now + args.lease, member)
  redis.call('SADD', KEYS[17], member)
  if args.was_idle == '1' then
    redis.call('HSET', KEYS[16], 'state', 'busy')
    if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]) > 0 then
      redis.call('ZADD', KEYS[15], 0, 'work')
    end
  end
  return {'job', string.format('%.6f', now), id, sub_queue, unpack(fields)}
end
