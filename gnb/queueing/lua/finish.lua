-- finish: the end of an execution in RQ's own records, and the next job in the same round trip.
-- Nothing happens to a job whose execution is no longer the caller's (settled, or taken back): the answer says so.
--
-- KEYS  1-17  as in dequeue_job.lua
--       18    gnb:counts:<queue>  hash of what was counted lately, "<minute>|<field>" each; counts.lua adds it up
-- ARGV  1-6   as in dequeue_job.lua          7 "1": take the next job too
--       8 job id  9 sub_queue  10 execution id  11 outcome: completed | failed | stopped | retried | stalled | released
--       12 "return_value" | "exc_string" | ""  13 its value, as in RQ's result stream
--       14 seconds to keep the job (0: remove, -1: for ever)  15 how many of its kind to keep (-1: all)
--       16 seconds until the retry  17 retries left  18 error in a line  19 attempt  20 start, 21 end (epoch seconds)
--       22 counter's field, "" to count nothing  23 job type  24 duration, 25 waiting time, microseconds
--       26 "1": only if the lease has run out  27-29 worker's totals: completed, failed, seconds ("" to leave them),
--       written when the worker goes idle and after every sixteenth job  30 "1": the job may have written a log
-- Writes rq:job, rq:results, rq:finished|failed|scheduled|queue, rq:wip, rq:execution(s), rq:worker of this job,
--        gnb:deduplication:<queue>:<digest> (freed at the job's end), gnb:logs:<id> (its time to live), gnb:kept:<queue>:<state> (an upper bound of how many are kept).
-- Returns {1 if it was the caller's, …what dequeue_job() answers}.

local id, sub_queue, execution, outcome = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local job, results, logs, member = 'rq:job:' .. id, 'rq:results:' .. id, 'gnb:logs:' .. id, id .. ':' .. execution

-- What is kept for ever stands in its registry by its end all the same, a century ahead.
local CENTURY = 3155760000
-- RQ's own `Job.delete` knows no logs, so those expire in any case: a year after the end of a job that is kept for ever.
local LOGS_KEPT = 31557600

-- Remove the jobs that ended first from the ten sub-queues' registries until `keep` are left, at most 200 in one step.
-- A registry is in the order of expiry: the first of those kept for ever and the first of the others are compared.
local function trim(registry, counter, keep, now)
  local heads, total = {}, 0
  local function look(name)
    local first = redis.call('ZRANGE', name, 0, 0)[1]
    local kept = redis.call('ZRANGE', name, now + CENTURY / 2, '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
    heads[name] = nil
    for _, head in ipairs({first, kept}) do
      local ended = redis.call('HGET', 'rq:job:' .. head, 'ended_at') or ''
      if not heads[name] or ended < heads[name].ended then heads[name] = {id = head, ended = ended} end
    end
  end
  for number = 1, 10 do
    local name = registry .. string.sub(KEYS[number], 10)
    total = total + redis.call('ZCARD', name)
    look(name)
  end
  for _ = 1, math.min(total - keep, 200) do
    local oldest
    for name, head in pairs(heads) do
      if not oldest or head.ended < heads[oldest].ended then oldest = name end
    end
    local gone = heads[oldest].id
    redis.call('ZREM', oldest, gone)
    redis.call('UNLINK', 'rq:job:' .. gone, 'rq:results:' .. gone, 'gnb:logs:' .. gone)
    total = total - 1
    look(oldest)
  end
  redis.call('SET', counter, total)
end

local function finish(registry, state, now)
  local ttl, keep = tonumber(ARGV[14]), tonumber(ARGV[15])
  if ttl == 0 or keep == 0 then
    redis.call('UNLINK', job, results, logs)
    return
  end
  if ttl > 0 then
    redis.call('EXPIRE', job, ttl)
    redis.call('EXPIRE', results, ttl)
    if ARGV[30] == '1' then redis.call('EXPIRE', logs, ttl) end
  elseif ARGV[30] == '1' then
    redis.call('EXPIRE', logs, LOGS_KEPT)
  end
  redis.call('ZADD', registry .. sub_queue, now + (ttl > 0 and ttl or CENTURY), id)
  local counter = 'gnb:kept:' .. string.sub(KEYS[15], 10) .. ':' .. state
  local kept = redis.call('INCR', counter)
  if keep > 0 and kept > keep + keep / 100 then trim(registry, counter, keep, now) end
end

-- The attempt in RQ's result stream: types 1 to 4, the fields that RQ writes, and `attempt` and `outcome` of our own.
local function record()
  local kind = outcome == 'completed' and 1 or outcome == 'failed' and 2 or outcome == 'stopped' and 3 or 4
  local entry = {'type', kind, 'worker_name', ARGV[1], 'execution_id', execution, 'execution_started_at', ARGV[20],
    'execution_ended_at', ARGV[21]}
  local size = 10
  if ARGV[12] ~= '' then entry[11], entry[12], size = ARGV[12], ARGV[13], 12 end
  if ARGV[19] ~= '1' then entry[size + 1], entry[size + 2], size = 'attempt', ARGV[19], size + 2 end
  if outcome == 'stalled' or outcome == 'released' then entry[size + 1], entry[size + 2] = 'outcome', outcome end
  redis.call('XADD', results, 'MAXLEN', 10, '*', unpack(entry))
end

local function release_deduplication(digest)
  local key = 'gnb:deduplication:' .. string.sub(KEYS[15], 10) .. ':' .. digest
  if redis.call('GET', key) == id then redis.call('DEL', key) end
end

local function move(now, digest)
  record()
  if outcome == 'completed' then
    redis.call('HSET', job, 'status', 'finished', 'ended_at', ARGV[3])
    finish('rq:finished:', 'completed', now)
    if digest then release_deduplication(digest) end
  elseif outcome == 'failed' or outcome == 'stopped' then
    redis.call('HSET', job, 'status', outcome, 'ended_at', ARGV[3], 'error', ARGV[18], 'retries_left', ARGV[17])
    finish('rq:failed:', 'failed', now)
    if digest then release_deduplication(digest) end
  elseif outcome == 'retried' and tonumber(ARGV[16]) > 0 then
    redis.call('HSET', job, 'status', 'scheduled', 'ended_at', ARGV[3], 'error', ARGV[18], 'retries_left', ARGV[17])
    redis.call('ZADD', 'rq:scheduled:' .. sub_queue, now + ARGV[16], id)
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[3], 'error', ARGV[18], 'retries_left', ARGV[17])
    if outcome == 'stalled' then redis.call('HINCRBY', job, 'stalls', 1) end
    redis.call(outcome == 'retried' and 'RPUSH' or 'LPUSH', 'rq:queue:' .. sub_queue, id)
    redis.call('ZADD', KEYS[15], 0, 'work')
  end
  if ARGV[22] ~= '' then
    local minute = string.format('%d|', now / 60)
    redis.call('HINCRBY', KEYS[18], minute .. ARGV[22], 1)
    redis.call('HINCRBY', KEYS[18], minute .. 'd|' .. ARGV[23], ARGV[24])
    redis.call('HINCRBY', KEYS[18], minute .. 'w', ARGV[25])
  end
end

local now = clock()
local lease = ARGV[26] == '1' and redis.call('ZSCORE', 'rq:wip:' .. sub_queue, member)
local alive = lease and tonumber(lease) >= now
local owned = not alive and redis.call('ZREM', 'rq:wip:' .. sub_queue, member) == 1
if owned then
  if redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id) > 0 then
    redis.call('SREM', KEYS[16] .. ':executions', member)
  end
  local fields = redis.call('HMGET', job, 'status', 'deduplication')
  if fields[1] == 'started' then move(now, fields[2]) end
end
if not alive then redis.call('SREM', KEYS[17], member) end
local answer = ARGV[7] == '1' and dequeue_job(now) or {'none'}
if ARGV[27] ~= '' and (answer[1] ~= 'job' or (ARGV[27] + ARGV[28]) % 16 == 0) then
  redis.call('HSET', KEYS[16], 'successful_job_count', ARGV[27], 'failed_job_count', ARGV[28], 'total_working_time', ARGV[29],
    'state', answer[1] == 'job' and 'busy' or 'idle')
end
return {owned and 1 or 0, unpack(answer)}
