-- update_progress: write the progress of a running job, and lines of its log.
--
-- KEYS  1 rq:job:<id>   2 gnb:logs:<id>
-- ARGV  1 percent or ""   2 message   3 how many log lines to keep   4… log lines
-- Returns 1, or 0 when the job is gone and nothing was written.

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], 'progress', ARGV[1], 'progress_message', ARGV[2]) end
if #ARGV > 3 then
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 4))
  redis.call('LTRIM', KEYS[2], -ARGV[3], -1)
  redis.call('EXPIRE', KEYS[2], 31557600) -- a year: RQ's own `Job.delete` does not know that there are logs
end
return 1
