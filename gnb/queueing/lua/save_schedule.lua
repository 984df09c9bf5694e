-- save_schedule: a schedule is added or changed, or its next time set; one that is paused stays so.
--
-- KEYS  1 gnb:schedules   2 gnb:schedule:<name>
-- ARGV  1 name   2 next time, epoch seconds   3 "new": only if there is none, "known": only if there is one, "any"
--       4 "pause" | "resume" | ""   5… words of the hash (name, value, …)
-- Returns 1 done, 0 not for its being there, or not being there.

local known = redis.call('EXISTS', KEYS[2]) == 1
if ARGV[3] == 'new' and known or ARGV[3] == 'known' and not known then return 0 end
if #ARGV > 4 then redis.call('HSET', KEYS[2], unpack(ARGV, 5)) end
if ARGV[4] == 'pause' then redis.call('HSET', KEYS[2], 'paused', '1') end
if ARGV[4] == 'resume' then redis.call('HDEL', KEYS[2], 'paused') end
local paused = redis.call('HEXISTS', KEYS[2], 'paused') == 1
redis.call('ZADD', KEYS[1], paused and '+inf' or ARGV[2], ARGV[1])
return 1
