-- reprioritise: a waiting, delayed or deferred job moves to the end of another sub_queue.
--
-- KEYS  1 gnb:wake:<queue>
-- ARGV  1 job id   2 the new sub_queue
-- Returns 1 moved, 0 it is in another state, -1 no such job.

local job = 'rq:job:' .. ARGV[1]
local fields = redis.call('HMGET', job, 'origin', 'status')
local sub_queue, status = fields[1], fields[2]
if not sub_queue then return -1 end
if status == 'queued' then
  if redis.call('LREM', 'rq:queue:' .. sub_queue, 1, ARGV[1]) == 0 then return 0 end
  redis.call('RPUSH', 'rq:queue:' .. ARGV[2], ARGV[1])
  redis.call('ZADD', KEYS[1], 0, 'work')
elseif status == 'scheduled' or status == 'deferred' then
  local registry = 'rq:' .. status .. ':'
  local score = redis.call('ZSCORE', registry .. sub_queue, ARGV[1])
  if not score then return 0 end
  redis.call('ZREM', registry .. sub_queue, ARGV[1])
  redis.call('ZADD', registry .. ARGV[2], score, ARGV[1])
else
  return 0
end
redis.call('HSET', job, 'origin', ARGV[2])
redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[2])
return 1
