-- requeue: named jobs of one state go back to the end of their sub_queue: failed (or finished)
-- ones again, delayed ones before their time, deferred ones without waiting for others.
--
-- KEYS  1-10 rq:failed:<sub_queue> | rq:finished:<sub_queue> | rq:scheduled:<sub_queue> |
--             rq:deferred:<sub_queue>, what to take them from   11 gnb:wake:<queue>
-- ARGV  1 now, RQ's time format   2 "1" to give the attempts back   3… job ids
-- Reads and writes rq:job:<id>, its registry and its sub-queue's rq:queue list; the keys of dependents.lua for deferred ones;
-- and gnb:deduplication:<queue>:<digest>: a job that holds its deduplication id until its end holds it again, unless
-- another job does.
-- Returns a list as long as the ids: 1 moved, 0 not in that state, -1 the queue has no such job.

local LOGS_KEPT = 31557600 -- as in update_progress.lua
local answers, moved, own = {}, false, {}
for number = 1, 10 do own[KEYS[number]] = true end
local registries = string.match(KEYS[1], '^rq:%a+:')
local deduplication = 'gnb:deduplication:' .. string.sub(KEYS[11], 10) .. ':'
for number = 3, #ARGV do
  local id = ARGV[number]
  local job = 'rq:job:' .. id
  local fields = redis.call('HMGET', job, 'origin', 'attempts', 'deduplication')
  local sub_queue = fields[1] or ''
  if not own[registries .. sub_queue] then
    answers[number - 2] = -1
  elseif redis.call('ZREM', registries .. sub_queue, id) == 0 then
    answers[number - 2] = 0
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[1])
    if registries == 'rq:deferred:' then leave_parents(id) end
    if ARGV[2] == '1' then
      redis.call('HDEL', job, 'ended_at', 'error', 'progress', 'progress_message', 'stalls', 'retries_left',
        'unavailable_since')
      if fields[2] then redis.call('HSET', job, 'retries_left', fields[2] - 1) end
    end
    redis.call('PERSIST', job); redis.call('PERSIST', 'rq:results:' .. id); redis.call('EXPIRE', 'gnb:logs:' .. id, LOGS_KEPT)
    redis.call('RPUSH', 'rq:queue:' .. sub_queue, id)
    if fields[3] then redis.call('SET', deduplication .. fields[3], id, 'NX') end
    answers[number - 2] = 1
    moved = true
  end
end
if moved then redis.call('ZADD', KEYS[11], 0, 'work') end
return answers
