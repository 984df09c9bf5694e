-- finish: the end of an execution in RQ's own records, and the next job in the same round trip.
-- Nothing happens to a job whose execution is no longer the caller's (finished, or requeued): the reply says so.
--
-- KEYS  1-21  as in dequeue_job.lua; counts.lua adds up what is counted in 18
-- ARGV  DequeueArgs and FinishArgs of scripts.py; the same again for each job more that the call finishes
-- Writes rq:job, rq:results, rq:finished|failed|scheduled|queue, rq:wip, rq:execution(s), rq:worker of this job,
--        gnb:deduplication:<queue>:<digest> (deleted at the job's end), the keys of dependents.lua, the worker's totals,
--        gnb:logs:<id> (its time to live), gnb:kept:<queue>:<state> (an upper bound of how many are kept),
--        gnb:ages:<queue>:<state> (exists while a job is kept for a time other than its type's default).
-- Returns {1 if the last one was the caller's, else 0, …what dequeue_job() returns, or "none" if it was not to dequeue}.

local id, sub_queue, execution_id, outcome, job, results, logs, member

-- The score in its registry of a job that is kept for ever: a century after its end, so that the order is that of the ends.
local CENTURY = 3155760000
-- RQ's own `Job.delete` knows no logs, so those expire in any case: a year after the end of a job that is kept for ever.
local LOGS_KEPT = 31557600

-- So many jobs at most are put in the order of their ends in one step, which takes some milliseconds.
local MOST_SORTED = 2000

-- Every attempt's result is kept up to this number, and ten where a job was retried by hand.
local MOST_RESULTS = 100

local function remove(registry, ended_id)
  redis.call('ZREM', registry, ended_id)
  redis.call('UNLINK', 'rq:job:' .. ended_id, 'rq:results:' .. ended_id, 'gnb:logs:' .. ended_id)
end

-- As trim, by the end of every job: some are kept for times of their own, so that no registry is in the order of ends.
local function trim_by_end(registry, counter, keep)
  local jobs = {}
  for number = 1, 10 do
    local name = registry .. string.sub(KEYS[number], 10)
    for _, ended_id in ipairs(redis.call('ZRANGE', name, 0, -1)) do
      jobs[#jobs + 1] = {name, ended_id, redis.call('HGET', 'rq:job:' .. ended_id, 'ended_at') or ''}
    end
  end
  table.sort(jobs, function(one, other) return one[3] < other[3] end)
  local count = math.max(math.min(#jobs - keep, 200), 0)
  for place = 1, count do remove(jobs[place][1], jobs[place][2]) end
  redis.call('SET', counter, #jobs - count)
end

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
    remove(oldest, gone)
    total = total - 1
    look(oldest)
  end
  redis.call('SET', counter, total)
end

local function finish(registry, state, now)
  local set = args.as_queue == '1' and flags[state == 'completed' and 5 or 6]
  local set_ttl, set_keep = string.match(set or '', '^(-?%d+)|(-?%d+)$')
  local ttl, keep = tonumber(set_ttl or args.ttl), tonumber(set_keep or args.keep)
  if ttl == 0 or keep == 0 then
    redis.call('UNLINK', job, results, logs)
    return
  end
  if ttl > 0 then
    redis.call('EXPIRE', job, ttl)
    redis.call('EXPIRE', results, ttl)
    if args.may_have_logged == '1' then redis.call('EXPIRE', logs, ttl) end
  elseif args.may_have_logged == '1' then
    redis.call('EXPIRE', logs, LOGS_KEPT)
  end
  redis.call('ZADD', registry .. sub_queue, now + (ttl > 0 and ttl or CENTURY), id)
  local queue_state = string.sub(KEYS[15], 10) .. ':' .. state
  local counter, ages = 'gnb:kept:' .. queue_state, 'gnb:ages:' .. queue_state
  local kept = redis.call('INCR', counter)
  if args.own_age == '1' then
    if ttl < 0 then
      redis.call('SET', ages, '')
    elseif not redis.call('SET', ages, '', 'EX', ttl, 'NX') then
      redis.call('EXPIRE', ages, ttl, 'GT')
    end
  end
  -- A hundredth more than needed is removed, so that not every job's end has to look.
  if keep > 0 and kept > keep then
    local by_end = kept <= MOST_SORTED and redis.call('EXISTS', ages) == 1;
    (by_end and trim_by_end or trim)(registry, counter, keep - math.floor(keep / 100), now)
  end
end

-- The attempt in RQ's result stream: types 1 to 4, the fields that RQ writes, and `attempt` and `outcome` of our own.
local function record()
  local kind = outcome == 'completed' and 1 or outcome == 'failed' and 2 or outcome == 'stopped' and 3 or 4
  local entry = {'type', kind, 'worker_name', args.worker, 'execution_id', execution_id,
    'execution_started_at', args.started, 'execution_ended_at', args.ended}
  local size = 10
  if args.result_field ~= '' then entry[11], entry[12], size = args.result_field, args.result, 12 end
  if args.attempt ~= '1' then entry[size + 1], entry[size + 2], size = 'attempt', args.attempt, size + 2 end
  if outcome == 'stalled' or outcome == 'released' then entry[size + 1], entry[size + 2] = 'outcome', outcome end
  redis.call('XADD', results, 'MAXLEN', math.max(10, math.min(args.attempt, MOST_RESULTS)), '*', unpack(entry))
end

local function move(now, digest)
  record()
  -- A job that failed once keeps its number of attempts, whatever its type's default becomes.
  local attempts = args.attempts ~= '' and {'attempts', args.attempts} or {}
  if outcome == 'completed' then
    redis.call('HSET', job, 'status', 'finished', 'ended_at', args.rq_now)
    finish('rq:finished:', 'completed', now)
    if digest then release_deduplication(string.sub(KEYS[15], 10), id, digest) end
  elseif outcome == 'failed' or outcome == 'stopped' then
    redis.call('HSET', job, 'status', outcome, 'ended_at', args.rq_now, 'error', args.error_line,
      'retries_left', args.retries_left, unpack(attempts))
    finish('rq:failed:', 'failed', now)
    if digest then release_deduplication(string.sub(KEYS[15], 10), id, digest) end
  elseif outcome == 'retried' and tonumber(args.delay) > 0 then
    redis.call('HSET', job, 'status', 'scheduled', 'ended_at', args.rq_now, 'error', args.error_line,
      'retries_left', args.retries_left, unpack(attempts))
    redis.call('ZADD', 'rq:scheduled:' .. sub_queue, now + args.delay, id)
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', args.rq_now, 'error', args.error_line,
      'retries_left', args.retries_left, unpack(attempts))
    if outcome == 'stalled' then redis.pcall('HINCRBY', job, 'stalls', 1) end -- whatever another wrote there
    redis.call(outcome == 'retried' and 'RPUSH' or 'LPUSH', 'rq:queue:' .. sub_queue, id)
    redis.call('ZADD', KEYS[15], 0, 'work')
  end
  if args.count_field ~= '' then
    local minute = string.format('%d|', now / 60)
    redis.call('HINCRBY', KEYS[18], minute .. args.count_field, 1)
    redis.call('HINCRBY', KEYS[18], minute .. 'd|' .. args.job_type, args.duration)
    redis.call('HINCRBY', KEYS[18], minute .. 'w', args.waited)
  end
end

local CALLBACK = {completed = 'on_success', failed = 'on_failure', stopped = 'on_failure'}

-- The job ends for good: enqueue its callback and resolve its dependents, the first 200 in this step.
local function end_for_others(callback, may_have_dependents, now)
  if callback then
    enqueue_callback(id, callback, execution_id, outcome, args.error_line, redis.call('HGET', job, 'meta'), args.rq_now)
  end
  if may_have_dependents and redis.call('EXISTS', job .. ':dependents') == 1 then
    job_ended(id, outcome == 'completed' and 'completed' or 'failed')
    resolve_dependents(now, args.rq_now, 200)
  end
end

-- Each job of the call in turn; no function, which would cost the call more than the loop.
local jobs = #ARGV / args.size
for number = 1, jobs do
  id, sub_queue, execution_id, outcome = args.job_id, args.sub_queue, args.ended_execution_id, args.outcome
  job, results, logs, member = 'rq:job:' .. id, 'rq:results:' .. id, 'gnb:logs:' .. id, id .. ':' .. execution_id
  local now = clock()
  local lease_end = args.only_expired == '1' and redis.call('ZSCORE', 'rq:wip:' .. sub_queue, member)
  local alive = lease_end and tonumber(lease_end) >= now
  local owned = not alive and redis.call('ZREM', 'rq:wip:' .. sub_queue, member) == 1
  if owned then
    -- Most jobs ran for less than a heartbeat and have no dependents: none of the three keys is there.
    local more = redis.call('EXISTS', 'rq:execution:' .. member, 'rq:executions:' .. id, job .. ':dependents') > 0
    if more and redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id) > 0 then
      redis.call('SREM', KEYS[16] .. ':executions', member)
    end
    local fields = redis.call('HMGET', job, 'status', 'deduplication', CALLBACK[outcome] or 'status')
    if fields[1] == 'started' then
      if args.prefetched == '1' then redis.call('HSET', job, 'started_at', iso(args.started + 0)) end
      if CALLBACK[outcome] then end_for_others(fields[3], more, now) end
      move(now, fields[2])
    end
  end
  if not alive then redis.call('SREM', KEYS[17], member) end
  local answer = args.dequeue_next == '1' and dequeue_job(now) or {'none'}
  if owned and args.dequeue_next == '' and jobs_wait() then redis.call('ZADD', KEYS[15], 0, 'work') end
  if args.completed_count ~= '' and (answer[1] ~= 'job' or (args.completed_count + args.failed_count) % 16 < jobs) then
    redis.call('HSET', KEYS[16], 'successful_job_count', args.completed_count, 'failed_job_count', args.failed_count,
      'total_working_time', args.working_seconds, 'state', answer[1] == 'job' and 'busy' or 'idle')
  end
  if number == jobs then return {owned and 1 or 0, unpack(answer)} end
  for place = 1, args.size do ARGV[place] = ARGV[number * args.size + place] end
end
