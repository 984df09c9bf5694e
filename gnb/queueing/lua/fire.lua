-- fire: set the next time of a schedule that is due and enqueue its job, in one step. Of any number of schedulers that read
-- the same score, the first one fires it; for the others the score is no longer the one that they read.
--
-- KEYS  1 rq:scheduler:scheduled_jobs   sorted set of template ids by next time, epoch seconds
--       2 rq:job:schedule-<name>        the template
--       3 gnb:schedule:<name>           hash: fired, skipped, missed, last_at, error, moved_to
--       4 gnb:schedule:<name>:runs      list of "job id|time|kind", newest first
--       5 gnb:schedules:open            set of "name|job id" whose outcome is not recorded yet
--       6 gnb:schedules:names           7 gnb:wake:<queue>
-- ARGV  1 name   2 the score read   3 the meta read   4 the next time   5 number of missed firings
--       6 error, or ""   7 runs kept   8 "1": fire although an earlier run is not done
--       9 the meta after this firing, "last" when `repeat` is used up
--       10 "time|kind" of this firing, "" to enqueue nothing   11 job id   12 sub-queue   13… fields of the job's hash
-- Returns "fired", "overlap" (skipped and counted), "passed" (nothing to enqueue), "known" (the job exists), "stale".

local name = ARGV[1]
local template = 'schedule-' .. name
local due = redis.call('ZSCORE', KEYS[1], template)
if not due or tonumber(due) ~= tonumber(ARGV[2]) then return 'stale' end
if redis.call('HGET', KEYS[2], 'meta') ~= ARGV[3] then return 'stale' end

redis.call('ZADD', KEYS[1], ARGV[4], template)
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[3], 'missed', ARGV[5]) end
redis.call('HSET', KEYS[3], 'error', ARGV[6])
if ARGV[10] == '' then return 'passed' end

local ENDED = {finished = true, failed = true, stopped = true, canceled = true}
if ARGV[8] ~= '1' then
  for _, run in ipairs(redis.call('LRANGE', KEYS[4], 0, 9)) do
    local status = redis.call('HGET', 'rq:job:' .. string.match(run, '^[^|]+'), 'status')
    if status and not ENDED[status] then
      redis.call('HINCRBY', KEYS[3], 'skipped', 1)
      return 'overlap'
    end
  end
end

local job = 'rq:job:' .. ARGV[11]
if redis.call('EXISTS', job) == 1 then return 'known' end
redis.call('HSET', job, unpack(ARGV, 13))
redis.call('RPUSH', 'rq:queue:' .. ARGV[12], ARGV[11])
redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[12])
redis.call('ZADD', KEYS[7], 0, 'work')
if ARGV[9] == 'last' then
  redis.call('ZREM', KEYS[1], template)
  redis.call('SREM', KEYS[6], name)
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[3] .. ':ends')
  return 'fired'
end
redis.call('HSET', KEYS[2], 'meta', ARGV[9])
redis.call('LPUSH', KEYS[4], ARGV[11] .. '|' .. ARGV[10])
redis.call('LTRIM', KEYS[4], 0, ARGV[7] - 1)
redis.call('SADD', KEYS[5], name .. '|' .. ARGV[11])
redis.call('HINCRBY', KEYS[3], 'fired', 1)
redis.call('HSET', KEYS[3], 'last_at', string.match(ARGV[10], '^[^|]+'))
return 'fired'
