-- settle: the end of an execution in RQ's own records, and the next job in the same round trip.
-- Nothing happens to a job whose execution is no longer the caller's (settled, or taken back): the answer says so.
--
-- KEYS  1-17  as in take_next.lua
--       18    gnb:minute:<queue>:<minute>  hash of the minute's counts; 19 gnb:minutes:<queue>, those not yet added up
-- ARGV  1-6   as in take_next.lua          7 "1": take the next job too
--       8 job id  9 band  10 execution id  11 outcome: completed | failed | stopped | retried | stalled | handed-back
--       12 now, RQ's time format  13 "return_value" | "exc_string" | ""  14 its value, as in RQ's result stream
--       15 seconds to keep the job (0: remove, -1: for ever)  16 how many of its kind to keep (-1: all)
--       17 seconds until the retry  18 retries left  19 error in a line  20 attempt  21 start, 22 end (epoch seconds)
--       23 counter's field, "" to count nothing  24 job type  25 duration, 26 waiting time, microseconds
--       27 "1": only if the lease has run out  28-30 worker's totals: completed, failed, seconds ("" to leave them),
--       written when the worker goes idle and after every sixteenth job  31 "1": the job may have written a log
-- Writes rq:job, rq:results, rq:finished|failed|scheduled|queue, rq:wip, rq:execution(s), rq:worker of this job,
--        gnb:logs:<id> (its time to live), gnb:kept:<queue>:<state> (an upper bound of how many are kept).
-- Returns {1 if it was the caller's, …what take_next() answers}.

local RESULT_TYPE = {completed = 1, failed = 2, stopped = 3, retried = 4, stalled = 4, ['handed-back'] = 4}

local id, band, outcome = ARGV[8], ARGV[9], ARGV[11]
local job, results, logs = 'rq:job:' .. id, 'rq:results:' .. id, 'gnb:logs:' .. id

local function remove_jobs(ids)
  for _, each in ipairs(ids) do
    redis.call('UNLINK', 'rq:job:' .. each, 'rq:results:' .. each, 'gnb:logs:' .. each)
  end
end

-- Removes the oldest of the ten bands' registries until `keep` are left, at most 200 in one go.
local function trim(registry, counter, keep)
  local heads, total = {}, 0
  for number = 1, 10 do
    local name = registry .. string.sub(KEYS[number], 10)
    local size = redis.call('ZCARD', name)
    total = total + size
    if size > 0 then heads[name] = tonumber(redis.call('ZRANGE', name, 0, 0, 'WITHSCORES')[2]) end
  end
  local removed = 0
  while total > keep and removed < 200 do
    local oldest
    for name, score in pairs(heads) do
      if not oldest or score < heads[oldest] then oldest = name end
    end
    remove_jobs({redis.call('ZPOPMIN', oldest)[1]})
    total, removed = total - 1, removed + 1
    local head = redis.call('ZRANGE', oldest, 0, 0, 'WITHSCORES')
    heads[oldest] = head[2] and tonumber(head[2]) or nil
  end
  redis.call('SET', counter, total)
end

local function keep_until(ttl)
  if ttl > 0 then
    redis.call('EXPIRE', job, ttl)
    redis.call('EXPIRE', results, ttl)
    if ARGV[31] == '1' then redis.call('EXPIRE', logs, ttl) end
  end
end

local function finish(registry, state, now)
  local ttl, keep = tonumber(ARGV[15]), tonumber(ARGV[16])
  if ttl == 0 or keep == 0 then return remove_jobs({id}) end
  redis.call('ZADD', registry .. band, ttl > 0 and now + ttl or '+inf', id)
  keep_until(ttl)
  if keep > 0 then
    local counter = 'gnb:kept:' .. string.sub(KEYS[15], 10) .. ':' .. state
    if redis.call('INCR', counter) > keep + keep / 100 then trim(registry, counter, keep) end
  end
end

local function back_to_waiting(push)
  redis.call(push, 'rq:queue:' .. band, id)
  redis.call('ZADD', KEYS[15], 0, 'work')
end

local function record(now)
  local entry = {'type', RESULT_TYPE[outcome], 'worker_name', ARGV[1]}
  local function add(name, value) entry[#entry + 1] = name; entry[#entry + 1] = value end
  if ARGV[13] ~= '' then add(ARGV[13], ARGV[14]) end
  add('execution_id', ARGV[10]); add('execution_started_at', ARGV[21]); add('execution_ended_at', ARGV[22])
  if ARGV[20] ~= '1' then add('attempt', ARGV[20]) end
  if outcome == 'stalled' or outcome == 'handed-back' then add('outcome', outcome) end
  redis.call('XADD', results, 'MAXLEN', 10, '*', unpack(entry))
end

local function move(now)
  record(now)
  if outcome == 'completed' then
    redis.call('HSET', job, 'status', 'finished', 'ended_at', ARGV[12])
    finish('rq:finished:', 'completed', now)
  elseif outcome == 'failed' or outcome == 'stopped' then
    redis.call('HSET', job, 'status', outcome, 'ended_at', ARGV[12], 'error', ARGV[19], 'retries_left', ARGV[18])
    finish('rq:failed:', 'failed', now)
  elseif outcome == 'retried' and tonumber(ARGV[17]) > 0 then
    redis.call('HSET', job, 'status', 'scheduled', 'ended_at', ARGV[12], 'error', ARGV[19], 'retries_left', ARGV[18])
    redis.call('ZADD', 'rq:scheduled:' .. band, now + ARGV[17], id)
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[12], 'error', ARGV[19], 'retries_left', ARGV[18])
    if outcome == 'stalled' then redis.call('HINCRBY', job, 'stalls', 1) end
    back_to_waiting(outcome == 'retried' and 'RPUSH' or 'LPUSH')
  end
end

local function count()
  if ARGV[23] == '' then return end
  if redis.call('HINCRBY', KEYS[18], ARGV[23], 1) == 1 then redis.call('SADD', KEYS[19], KEYS[18]) end
  redis.call('HINCRBY', KEYS[18], 'd|' .. ARGV[24], ARGV[25])
  redis.call('HINCRBY', KEYS[18], 'w', ARGV[26])
end

local now, member = clock(), id .. ':' .. ARGV[10]
local lease = redis.call('ZSCORE', 'rq:wip:' .. band, member)
local owned = lease and (ARGV[27] ~= '1' or tonumber(lease) < now)
if owned then
  redis.call('ZREM', 'rq:wip:' .. band, member)
  redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id)
  if redis.call('HGET', job, 'status') == 'started' then
    move(now)
    count()
  end
end
if owned or not lease then redis.call('SREM', KEYS[17], member) end
local answer = ARGV[7] == '1' and take_next() or {'none'}
if ARGV[28] ~= '' and (answer[1] ~= 'job' or (ARGV[28] + ARGV[29]) % 16 == 0) then
  redis.call('HSET', KEYS[16], 'successful_job_count', ARGV[28], 'failed_job_count', ARGV[29], 'total_working_time', ARGV[30],
    'state', answer[1] == 'job' and 'busy' or 'idle')
end
return {owned and 1 or 0, unpack(answer)}
