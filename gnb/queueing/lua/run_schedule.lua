-- run_schedule: note a job that a person started among the runs of its schedule.
--
-- KEYS  1 rq:job:schedule-<name>   2 gnb:schedule:<name>:runs   3 gnb:schedules:open
-- ARGV  1 name   2 job id   3 "time|kind"   4 runs kept
-- Returns 1, or 0 when there is no such schedule.

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2] .. '|' .. ARGV[3])
redis.call('LTRIM', KEYS[2], 0, ARGV[4] - 1)
redis.call('SADD', KEYS[3], ARGV[1] .. '|' .. ARGV[2])
return 1
