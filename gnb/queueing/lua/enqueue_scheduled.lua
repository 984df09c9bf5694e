-- enqueue_scheduled: move a job of enqueue_at or enqueue_in to its queue when its time has come.
--
-- KEYS  1 rq:scheduler:scheduled_jobs   2 rq:job:<id>   3 rq:queue:<sub-queue>   4 rq:queues   5 gnb:wake:<queue>
-- ARGV  1 job id   2 now, in RQ's format   3 "LPUSH" (at the front) | "RPUSH"
-- Returns 1 done, 0 another scheduler did it or the job is gone.

if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'status', 'queued', 'enqueued_at', ARGV[2])
redis.call(ARGV[3], KEYS[3], ARGV[1])
redis.call('SADD', KEYS[4], KEYS[3])
redis.call('ZADD', KEYS[5], 0, 'work')
return 1
