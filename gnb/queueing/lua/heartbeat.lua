-- heartbeat: renews a worker's hash and the leases of what it runs, and records its executions as RQ does.
--
-- KEYS  1 rq:worker:<name>   2 gnb:executions:<name>   3 rq:worker:<name>:executions, RQ's set of the recorded ones
--       4 rq:workers
-- ARGV  1 now, RQ's time format   2 lease, s   3 time to live of the worker's hash, s   4 resident memory, bytes
-- Returns {1, or 0 if the worker's registration is gone, "1" if the worker is to be quiet or "", then for each execution:
--          "<id>:<execution>", its start (epoch seconds), the job's timeout, the execution that is to be stopped or ""}.

local time = redis.call('TIME')
local now, lease = time[1] + time[2] / 1000000, tonumber(ARGV[2])
-- dequeue and finish write to the hash too, and so recreate one that is gone, but only register writes the pid.
local registered = redis.call('HEXISTS', KEYS[1], 'pid') == 1 and redis.call('SISMEMBER', KEYS[4], KEYS[1]) == 1
local answer = {registered and 1 or 0, redis.call('HGET', KEYS[1], 'quiet') or ''}

-- RQ's record of an execution is written here and not by dequeue, because nobody reads that of a job that ends before the
-- first heartbeat. The lease that dequeue gave has not been renewed yet, so the job started one lease before its end.
local function first_heartbeat(execution, id, execution_id, member)
  local origin = redis.call('HGET', 'rq:job:' .. id, 'origin')
  local expiry = origin and redis.call('ZSCORE', 'rq:wip:' .. origin, member)
  if not expiry then return {} end
  local created_at = string.format('%.6f', expiry - lease)
  redis.call('HSET', execution, 'id', execution_id, 'job_id', id, 'created_at', created_at,
    'worker_name', string.sub(KEYS[1], 11), 'origin', origin)
  redis.call('ZADD', 'rq:executions:' .. id, now + lease + 60, execution_id)
  return {origin, created_at}
end

-- How many jobs it finishes a minute, from its own counts, once a minute.
local function measure()
  local known = redis.call('HMGET', KEYS[1], 'successful_job_count', 'failed_job_count', 'measured_at', 'measured_count')
  local done, since = (known[1] or 0) + (known[2] or 0), tonumber(known[3] or nil)
  if since and now - since < 60 then return end
  if since then redis.call('HSET', KEYS[1], 'jobs_per_minute', math.max(done - known[4], 0) * 60 / (now - since)) end
  redis.call('HSET', KEYS[1], 'measured_at', string.format('%.3f', now), 'measured_count', done)
end

if registered then
  measure()
  redis.call('HSET', KEYS[1], 'last_heartbeat', ARGV[1], 'memory', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
for _, member in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local execution, id, execution_id = 'rq:execution:' .. member, string.match(member, '^([^:]+):(.+)$')
  local fields = redis.call('HMGET', execution, 'origin', 'created_at')
  if not fields[1] then fields = first_heartbeat(execution, id, execution_id, member) end
  if fields[1] then
    redis.call('HSET', execution, 'last_heartbeat', now)
    redis.call('SADD', KEYS[3], member)
    redis.call('EXPIRE', execution, lease + 60)
    redis.call('EXPIRE', 'rq:executions:' .. id, lease + 60)
    redis.call('ZADD', 'rq:wip:' .. fields[1], 'XX', now + lease, member)
    answer[#answer + 1] = member
    answer[#answer + 1] = fields[2]
    answer[#answer + 1] = redis.call('HGET', 'rq:job:' .. id, 'timeout') or '-1'
    answer[#answer + 1] = redis.call('HGET', KEYS[1], 'stop') or ''
  else
    redis.call('SREM', KEYS[2], member)
    redis.call('SREM', KEYS[3], member)
  end
end
return answer
