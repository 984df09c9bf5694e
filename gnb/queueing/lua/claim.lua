-- claim: claim a name for a worker, if no worker has it and no execution is left of one that died with it.
--
-- KEYS  1 rq:worker:<name>   2 gnb:executions:<name>
-- ARGV  1 now, RQ's time format   2 time to live of the worker's hash, s
-- Returns 1 claimed, 0 taken.

if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HSETNX', KEYS[1], 'birth', ARGV[1]) == 0 then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
