-- enqueue: one job or many, each saved and queued (or set aside until its time, or until its parents end) in one step.
--
-- KEYS  1 gnb:wake:<queue>   2 gnb:counts:<queue>
-- ARGV  1 the number of jobs   2 now, RQ's time format; "" if none of them has parents   then for each: id, sub_queue,
--       seconds to wait (0: now), "1" if the id may be taken already, its parents as "wait|run|cancel <id> <id>…" or "",
--       "<digest>|<ttl, ms>|<extend>|<replace>" of its deduplication or "", number of what follows, then the fields of its
--       hash in RQ's format (name, value, …)
-- Writes rq:job:<id>, rq:queue:<sub_queue> or rq:scheduled:<sub_queue>, rq:queues, the keys of dependents.lua,
--        gnb:deduplication:<queue>:<digest> (the id of the job that holds it), gnb:held:<queue>:<digest>.
-- Returns a list of 1 (new), 0 (there is a job of that id, nothing done), 2 (new and deferred), 3 (new, and cancelled
-- with a parent that had failed), or the id of the job that holds its deduplication id, in a list of one (nothing was
-- done but what `extend` and `replace` ask for); or {-1, parent} if a parent is unknown, {-2, parent} if it waits for the
-- job itself, and then nothing is done.

local ENDED = {finished = true, failed = true, stopped = true, canceled = true}
local made, waiting, sub_queues, at = {}, {}, {}, 3
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

-- Whether the job waits, over any number of others, for the wanted one.
local function waits_for(job, wanted)
  local seen, ahead = {[job] = true}, {job}
  while #ahead > 0 do
    local id = table.remove(ahead)
    if id == wanted then return true end
    for _, parent in ipairs(redis.call('SMEMBERS', 'rq:job::' .. id .. ':dependencies')) do
      if not seen[parent] then seen[parent], ahead[#ahead + 1] = true, parent end
    end
  end
  return false
end

-- The error for the first parent that cannot be one. A job may depend on those before it in the same call.
local function wrong_parent()
  local place, own = 3, {}
  for _ = 1, tonumber(ARGV[1]) do
    local id, parents = ARGV[place], string.match(ARGV[place + 4], '^%a+ (.+)$')
    if parents and not (ARGV[place + 3] == '1' and redis.call('EXISTS', 'rq:job:' .. id) == 1) then
      local waited_for = redis.call('EXISTS', 'rq:job:' .. id .. ':dependents') == 1
      for parent in string.gmatch(parents, '%S+') do
        if not own[parent] and redis.call('EXISTS', 'rq:job:' .. parent) == 0 then return {-1, parent} end
        if waited_for and waits_for(parent, id) then return {-2, parent} end
      end
    end
    own[id] = true
    place = place + 7 + ARGV[place + 6]
  end
end

-- Register the job with the parents that have not completed, and return 2 if there are any, 3 if it is cancelled with one.
local function defer(id, sub_queue, delay, mode, parents)
  local waits, failed = {}, nil
  for parent in string.gmatch(parents, '%S+') do
    local status = redis.call('HGET', 'rq:job:' .. parent, 'status')
    local has_failed = status == 'failed' or status == 'stopped' or status == 'canceled'
    if status ~= 'finished' and not (has_failed and mode == 'run') then
      waits[#waits + 1] = parent
      failed = failed or has_failed and parent
    end
  end
  if #waits == 0 then return 1 end
  for _, parent in ipairs(waits) do
    redis.call('SADD', 'rq:job::' .. id .. ':dependencies', parent)
    redis.call('SADD', 'rq:job:' .. parent .. ':dependents', id)
  end
  redis.call('HSET', 'rq:job:' .. id, 'status', 'deferred', 'delay', delay)
  redis.call('ZADD', 'rq:deferred:' .. sub_queue, string.format('%.6f', now), id)
  if not (failed and mode == 'cancel') then return 2 end
  job_ended(failed, 'failed')
  resolve_dependents(now, ARGV[2], 200)
  return 3
end

-- Save a job where it belongs; return 1, 2 or 3 as above.
local function save(id, place)
  local sub_queue, delay, words = ARGV[place + 1], tonumber(ARGV[place + 2]), tonumber(ARGV[place + 6])
  redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, place + 7, place + 6 + words))
  sub_queues[sub_queue] = true
  local mode, parents = nil, nil
  if ARGV[2] ~= '' then mode, parents = string.match(ARGV[place + 4], '^(%a+) (.+)$') end
  local state = parents and defer(id, sub_queue, delay, mode, parents) or 1
  if state == 1 and delay > 0 then
    redis.call('ZADD', 'rq:scheduled:' .. sub_queue, now + delay, id)
  elseif state == 1 then
    waiting[sub_queue] = waiting[sub_queue] or {}
    table.insert(waiting[sub_queue], id)
  end
  return state
end

-- The job that holds the deduplication id. With a time to live it does so whatever becomes of it; without one, until it
-- has ended, also where its end did not delete the key: a stock RQ worker does not know the key.
local function holder(key)
  local id = redis.call('GET', key)
  if not id or redis.call('PTTL', key) >= 0 then return id end
  local status = redis.call('HGET', 'rq:job:' .. id, 'status')
  return status and not ENDED[status] and id
end

-- Claim the deduplication id for a new job; where another job holds it, return that one's id.
local function deduplicate(id, place)
  local digest, ttl, extend, replace = string.match(ARGV[place + 5], '^(%x+)|(%d+)|(.?)|(.?)$')
  local key = 'gnb:deduplication:' .. string.sub(KEYS[1], 10) .. ':' .. digest
  local held_by = holder(key)
  if not held_by then
    redis.call('SET', key, id, unpack(ttl ~= '0' and {'PX', ttl} or {}))
    return
  end
  redis.call('HINCRBY', KEYS[2], string.format('%d|deduplicated', time[1] / 60), 1)
  if extend == '1' and redis.call('PTTL', key) >= 0 then redis.call('PEXPIRE', key, ttl) end
  local job = 'rq:job:' .. held_by
  local fields = replace == '1' and redis.call('HMGET', job, 'origin', 'key_limit') or {}
  if fields[1] and redis.call('ZREM', 'rq:scheduled:' .. fields[1], held_by) == 1 then
    if fields[2] then
      redis.call('ZREM', 'gnb:held:' .. string.sub(KEYS[1], 10) .. ':' .. string.match(fields[2], '^%x+'), held_by)
    end
    redis.call('UNLINK', job, 'rq:results:' .. held_by, 'gnb:logs:' .. held_by)
    save(held_by, place)
  end
  return held_by
end

local wrong = ARGV[2] ~= '' and wrong_parent()
if wrong then return wrong end
for number = 1, tonumber(ARGV[1]) do
  local id = ARGV[at]
  if ARGV[at + 3] == '1' and redis.call('EXISTS', 'rq:job:' .. id) == 1 then
    made[number] = 0
  else
    local held_by = ARGV[at + 5] ~= '' and deduplicate(id, at)
    made[number] = held_by and {held_by} or save(id, at)
  end
  at = at + 7 + ARGV[at + 6]
end
for sub_queue in pairs(sub_queues) do redis.call('SADD', 'rq:queues', 'rq:queue:' .. sub_queue) end
for sub_queue, ids in pairs(waiting) do
  redis.call('RPUSH', 'rq:queue:' .. sub_queue, unpack(ids))
  redis.call('ZADD', KEYS[1], 0, 'work')
end
return made
