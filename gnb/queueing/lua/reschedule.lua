-- reschedule: a delayed job runs at another time.
--
-- KEYS  1-10 rq:scheduled:<sub_queue>
-- ARGV  1 job id   2 the time, epoch seconds
-- Returns the time until now, "" if the job is not delayed, or nil if the queue has no such job.

local key = 'rq:scheduled:' .. (redis.call('HGET', 'rq:job:' .. ARGV[1], 'origin') or '')
for number = 1, 10 do
  if KEYS[number] == key then
    local before = redis.call('ZSCORE', key, ARGV[1])
    if not before then return '' end
    redis.call('ZADD', key, ARGV[2], ARGV[1])
    return before
  end
end
return nil
