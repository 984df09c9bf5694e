-- resolve: go on with the dependents of jobs that ended, where a step left some because they were many.
--
-- Keys: dependents.lua.
-- ARGV  1 now, RQ's time format   2 how many at most
-- Returns 1 if some are left, else 0.

local time = redis.call('TIME')
return resolve_dependents(time[1] + time[2] / 1000000, ARGV[1], tonumber(ARGV[2])) and 1 or 0
