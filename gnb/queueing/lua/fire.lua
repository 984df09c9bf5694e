-- fire: a schedule's time has come: its next time is set, and its job enqueued, in one step. However many schedulers
-- see the same firing, the one whose step comes first makes it; for the others the time is no longer the one they saw.
--
-- KEYS  1 gnb:schedules         sorted set of names by next time, epoch seconds; +inf: paused
--       2 gnb:schedule:<name>   hash: definition, fired, skipped, missed, last_at, error
--       3 gnb:schedule:<name>:runs   list of "job id|time|kind", newest first
--       4 gnb:schedules:open    set of "name|job id" whose outcome is not written down yet
--       5 gnb:wake:<queue>
-- ARGV  1 name   2 the time seen   3 the definition seen   4 the next time   5 how many firings were missed
--       6 error, or ""   7 runs kept   8 "1": fire although a run before is not done
--       9 "time|kind" of this firing, "" to enqueue nothing   10 job id   11 sub_queue   12… the words of the job's hash
-- Returns "fired", "overlap" (skipped and counted), "passed" (nothing to enqueue), "known" (there is such a job), "stale".

local name = ARGV[1]
local due = redis.call('ZSCORE', KEYS[1], name)
if not due or tonumber(due) ~= tonumber(ARGV[2]) then return 'stale' end
if redis.call('HGET', KEYS[2], 'definition') ~= ARGV[3] then return 'stale' end

redis.call('ZADD', KEYS[1], ARGV[4], name)
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[2], 'missed', ARGV[5]) end
redis.call('HSET', KEYS[2], 'error', ARGV[6])
if ARGV[9] == '' then return 'passed' end

local ENDED = {finished = true, failed = true, stopped = true, canceled = true}
if ARGV[8] ~= '1' then
  for _, run in ipairs(redis.call('LRANGE', KEYS[3], 0, 9)) do
    local status = redis.call('HGET', 'rq:job:' .. string.match(run, '^[^|]+'), 'status')
    if status and not ENDED[status] then
      redis.call('HINCRBY', KEYS[2], 'skipped', 1)
      return 'overlap'
    end
  end
end

local job = 'rq:job:' .. ARGV[10]
if redis.call('EXISTS', job) == 1 then return 'known' end
redis.call('HSET', job, unpack(ARGV, 12))
redis.call('RPUSH', 'rq:queue:' .. ARGV[11], ARGV[10])
redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[11])
redis.call('ZADD', KEYS[5], 0, 'work')
redis.call('LPUSH', KEYS[3], ARGV[10] .. '|' .. ARGV[9])
redis.call('LTRIM', KEYS[3], 0, ARGV[7] - 1)
redis.call('SADD', KEYS[4], name .. '|' .. ARGV[10])
redis.call('HINCRBY', KEYS[2], 'fired', 1)
redis.call('HSET', KEYS[2], 'last_at', string.match(ARGV[9], '^[^|]+'))
return 'fired'
