-- beat: says that a worker lives: its hash and the leases of what it runs last longer.
--
-- KEYS  1 rq:worker:<name>   2 rq:worker:<name>:executions
-- ARGV  1 now, RQ's time format   2 lease, s   3 time to live of the worker's hash, s   4 resident memory, bytes
-- Returns {0 if the worker's hash is gone, "<id>:<execution>", its start (epoch seconds), the job's timeout, stop asked for…}.

local time = redis.call('TIME')
local now, lease = time[1] + time[2] / 1000000, tonumber(ARGV[2])
local answer = {redis.call('EXISTS', KEYS[1])}
if answer[1] == 1 then
  redis.call('HSET', KEYS[1], 'last_heartbeat', ARGV[1], 'memory', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
for _, member in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local execution = 'rq:execution:' .. member
  local fields = redis.call('HMGET', execution, 'origin', 'created_at', 'job_id')
  if fields[1] then
    redis.call('HSET', execution, 'last_heartbeat', now)
    redis.call('EXPIRE', execution, lease + 60)
    redis.call('EXPIRE', 'rq:executions:' .. fields[3], lease + 60)
    redis.call('ZADD', 'rq:wip:' .. fields[1], 'XX', now + lease, member)
    answer[#answer + 1] = member
    answer[#answer + 1] = fields[2]
    answer[#answer + 1] = redis.call('HGET', 'rq:job:' .. fields[3], 'timeout') or '-1'
    answer[#answer + 1] = redis.call('HGET', KEYS[1], 'stop') or ''
  else
    redis.call('SREM', KEYS[2], member)
  end
end
return answer
