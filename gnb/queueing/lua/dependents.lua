-- dependents: jobs that wait for other jobs. A fragment, after deduplication.lua: enqueue.lua, finish.lua, resolve.lua,
-- remove.lua, drain.lua and requeue.lua follow it.
--
-- rq:job:<id>:dependents       RQ's set of the jobs that still wait for this one
-- rq:job::<id>:dependencies    RQ's set of the jobs that this one still waits for
-- rq:deferred:<sub_queue>      RQ's sorted set of the jobs that wait for others, by creation time
-- rq:job:<id>, `dependents`    the first 100 jobs that this one has been resolved for, for the job's page
-- gnb:ended                    list of "<number>|<outcome>|<parent>": ended jobs with dependents that are not yet resolved
-- gnb:ended:<number>           set of those dependents   gnb:ended_count  the latest number

local function note_dependents(parent, ids)
  local job = 'rq:job:' .. parent
  if redis.call('EXISTS', job) == 0 then return end
  local noted, known, size = redis.call('HGET', job, 'dependents') or '', {}, 0
  for id in string.gmatch(noted, '%S+') do known[id], size = true, size + 1 end
  for _, id in ipairs(ids) do
    if not known[id] and size < 100 then noted, size = noted .. ' ' .. id, size + 1 end
  end
  redis.call('HSET', job, 'dependents', noted)
end

-- Hand the dependents of a job that ended ("completed", "failed" or "removed") to resolve_dependents. It must have some.
local function job_ended(parent, outcome)
  local waiting, number = 'rq:job:' .. parent .. ':dependents', redis.call('INCR', 'gnb:ended_count')
  note_dependents(parent, redis.call('SRANDMEMBER', waiting, 100))
  redis.call('RENAME', waiting, 'gnb:ended:' .. number)
  redis.call('LPUSH', 'gnb:ended', number .. '|' .. outcome .. '|' .. parent)
end

-- Enqueue the callback of a job that ended; `wire` is from callback_wire in job_types.py. The callback depends on the job.
local function enqueue_callback(id, wire, callback_id, outcome, line, meta, now_text)
  local readable, callback = pcall(cjson.decode, wire)
  if not readable or type(callback) ~= 'table' or type(callback.call) ~= 'string' or type(callback.sub_queue) ~= 'string'
    or type(callback.fields) ~= 'table' then
    return -- whatever another wrote there
  end
  local job = 'rq:job:' .. callback_id
  local ended = {jobId = id, queue = callback.queue, jobType = callback.job_type, outcome = outcome,
    error = string.match(line, '^[^\31]*')}
  redis.call('HSET', job, 'data', callback.call .. cjson.encode(ended) .. ']', 'status', 'queued', 'created_at', now_text,
    'enqueued_at', now_text, 'dependency_id', id, 'dependency_ids', cjson.encode({id}), unpack(callback.fields))
  if meta then redis.call('HSET', job, 'meta', meta) end
  redis.call('RPUSH', 'rq:queue:' .. callback.sub_queue, callback_id)
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. callback.sub_queue)
  redis.call('ZADD', 'gnb:wake:' .. string.match(callback.sub_queue, '^[^:]+'), 0, 'work')
  note_dependents(id, {callback_id})
end

-- A job no longer waits for any other: it was removed, cancelled, or runs without waiting.
local function leave_parents(id)
  local dependencies = 'rq:job::' .. id .. ':dependencies'
  for _, parent in ipairs(redis.call('SMEMBERS', dependencies)) do
    redis.call('SREM', 'rq:job:' .. parent .. ':dependents', id)
  end
  redis.call('UNLINK', dependencies)
end

-- Resolve at most `most` dependents of ended jobs: each is enqueued, delayed, cancelled, or goes on waiting. Returns whether
-- some are left.
local function resolve_dependents(now, now_text, most)
  -- Whether nothing is left that the job waits for. Parents that had ended when plain RQ registered it are found here:
  -- RQ registers them too, and counts one whose record has expired as met.
  local function all_met(id, allow, by_rq)
    local dependencies = 'rq:job::' .. id .. ':dependencies'
    while true do
      local parent = redis.call('SRANDMEMBER', dependencies)
      if not parent then return true end
      local status = redis.call('HGET', 'rq:job:' .. parent, 'status')
      local failed = status == 'failed' or status == 'stopped' or status == 'canceled'
      if not (status == 'finished' or allow and (failed or not status) or by_rq and not status) then return false end
      redis.call('SREM', dependencies, parent)
      redis.call('SREM', 'rq:job:' .. parent .. ':dependents', id)
    end
  end

  local function enqueue(id, sub_queue, delay, at_front)
    redis.call('ZREM', 'rq:deferred:' .. sub_queue, id)
    if delay > 0 then
      redis.call('HSET', 'rq:job:' .. id, 'status', 'scheduled')
      redis.call('ZADD', 'rq:scheduled:' .. sub_queue, now + delay, id)
      return
    end
    redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', now_text)
    redis.call(at_front and 'LPUSH' or 'RPUSH', 'rq:queue:' .. sub_queue, id)
    redis.call('SADD', 'rq:queues', 'rq:queue:' .. sub_queue)
    redis.call('ZADD', 'gnb:wake:' .. string.match(sub_queue, '^[^:]+'), 0, 'work')
  end

  -- The job fails with its parent and without having run; for its own dependents it is a failed parent.
  local function cancel(id, sub_queue, line)
    local job, queue = 'rq:job:' .. id, string.match(sub_queue, '^[^:]+')
    local fields = redis.call('HMGET', job, 'failure_ttl', 'type', 'on_failure', 'meta', 'deduplication')
    local set = not fields[1] and redis.call('GET', 'gnb:retention:' .. queue .. ':failed')
    local ttl = tonumber(fields[1] or string.match(set or '', '^-?%d+') or 604800)
    redis.call('ZREM', 'rq:deferred:' .. sub_queue, id)
    leave_parents(id)
    if fields[5] then release_deduplication(queue, id, fields[5]) end
    if fields[3] then enqueue_callback(id, fields[3], id .. '-failed', 'failed', line, fields[4], now_text) end
    if redis.call('EXISTS', job .. ':dependents') == 1 then job_ended(id, 'failed') end
    redis.call('HINCRBY', 'gnb:counts:' .. queue, string.format('%d|', now / 60) .. (fields[2] or 'undeclared') .. '|failed||', 1)
    if ttl == 0 then
      redis.call('UNLINK', job, 'gnb:logs:' .. id)
      return
    end
    redis.call('HSET', job, 'status', 'failed', 'ended_at', now_text, 'error', line)
    if ttl > 0 then redis.call('EXPIRE', job, ttl) end
    redis.call('ZADD', 'rq:failed:' .. sub_queue, now + (ttl > 0 and ttl or 3155760000), id)
    redis.call('INCR', 'gnb:kept:' .. queue .. ':failed')
  end

  local function resolve(id, parent, outcome)
    local job, dependencies = 'rq:job:' .. id, 'rq:job::' .. id .. ':dependencies'
    local fields = redis.call('HMGET', job, 'status', 'origin', 'allow_dependency_failures', 'on_parent_failure',
      'enqueue_at_front', 'delay', 'type')
    if fields[1] ~= 'deferred' or redis.call('SISMEMBER', dependencies, parent) == 0 then return end
    local allow = fields[3] == '1'
    -- A parent that failed may have been retried and have completed before its last dependents are resolved.
    if outcome ~= 'completed' and not allow and redis.call('HGET', 'rq:job:' .. parent, 'status') ~= 'finished' then
      if fields[4] == 'cancel' then
        local line = outcome == 'removed' and 'ParentRemoved: the job ' .. parent .. ', for which it waited, was removed'
          or 'ParentFailed: the job ' .. parent .. ', for which it waited, failed'
        local code = outcome == 'removed' and 'parent_failed.removed' or 'parent_failed'
        return cancel(id, fields[2], line .. '\31' .. cjson.encode({code = code, params = {id = parent}}))
      end
      redis.call('SADD', 'rq:job:' .. parent .. ':dependents', id)
      return
    end
    redis.call('SREM', dependencies, parent)
    if all_met(id, allow, not fields[7]) then enqueue(id, fields[2], tonumber(fields[6] or 0), fields[5] == '1') end
  end

  while most > 0 do
    local entry = redis.call('LINDEX', 'gnb:ended', 0)
    if not entry then return false end
    local number, outcome, parent = string.match(entry, '^(%d+)|(%a+)|(.+)$')
    local ids = redis.call('SPOP', 'gnb:ended:' .. number, most)
    if #ids < most then redis.call('LPOP', 'gnb:ended') end
    most = most - #ids - 1
    for _, id in ipairs(ids) do resolve(id, parent, outcome) end
  end
  return redis.call('EXISTS', 'gnb:ended') == 1
end
