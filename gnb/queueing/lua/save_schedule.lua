-- save_schedule: write a schedule's template, or only set its next time; a paused schedule stays paused.
--
-- KEYS  1 rq:scheduler:scheduled_jobs   2 rq:job:schedule-<name>   3 gnb:schedules:names
-- ARGV  1 name   2 next time, epoch seconds   3 "new": only if there is none, "known": only if there is one, "any"
--       4 "pause" | "resume" | ""   5 the score of a paused schedule   6… fields of the template (name, value, …)
-- Returns 1 done, 0 not done because it exists, or does not.

local template = 'schedule-' .. ARGV[1]
local known = redis.call('EXISTS', KEYS[2]) == 1
if ARGV[3] == 'new' and known or ARGV[3] == 'known' and not known then return 0 end
if #ARGV > 5 then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], unpack(ARGV, 6))
end
local score = tonumber(redis.call('ZSCORE', KEYS[1], template) or 0)
local paused = ARGV[4] == 'pause' or known and score >= tonumber(ARGV[5]) and ARGV[4] ~= 'resume'
redis.call('ZADD', KEYS[1], paused and ARGV[5] or ARGV[2], template)
redis.call('SADD', KEYS[3], ARGV[1])
return 1
