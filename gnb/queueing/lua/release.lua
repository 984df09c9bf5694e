-- release: requeue the jobs that a worker holds and has not started, at their places; record when the running one started.
--
-- KEYS  1-21  as in dequeue_job.lua
-- ARGV  1 id of the running job, "" for none   2 its start, RQ's time format   3… sub_queue and "<id>:<execution>" of each
--       held one, in the order in which they were dequeued
-- Writes rq:job, rq:queue, rq:wip, and what the heartbeat wrote: rq:execution(s), rq:worker:<name>:executions.

if ARGV[1] ~= '' and redis.call('HGET', 'rq:job:' .. ARGV[1], 'status') == 'started' then
  redis.call('HSET', 'rq:job:' .. ARGV[1], 'started_at', ARGV[2])
end
local stop = redis.call('HGET', KEYS[16], 'stop')
for place = #ARGV - 1, 3, -2 do
  local sub_queue, member = ARGV[place], ARGV[place + 1]
  -- One that is to be stopped is not given back: it ends as stopped, by the process or with it.
  if member ~= stop and redis.call('ZREM', 'rq:wip:' .. sub_queue, member) == 1 then
    local id = string.match(member, '^([^:]+)')
    redis.call('SREM', KEYS[17], member)
    redis.call('SREM', KEYS[16] .. ':executions', member)
    redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id)
    if redis.call('HGET', 'rq:job:' .. id, 'status') == 'started' then
      redis.call('HSET', 'rq:job:' .. id, 'status', 'queued')
      redis.call('LPUSH', 'rq:queue:' .. sub_queue, id)
      redis.call('ZADD', KEYS[15], 0, 'work')
    end
  end
end
