-- enqueue: one job or many, each saved and queued (or set aside until its time) in one step.
--
-- KEYS  1 gnb:wake:<queue>   2 gnb:counts:<queue>
-- ARGV  1 the number of jobs, then for each: id, sub_queue, seconds to wait (0: now), "1" if the id may be taken already,
--       "<digest>|<ttl, ms>|<extend>|<replace>" of its deduplication or "", number of field words, then the words of its
--       hash in RQ's format (name, value, …)
-- Writes rq:job:<id>, rq:queue:<sub_queue> or rq:scheduled:<sub_queue>, rq:queues,
--        gnb:deduplication:<queue>:<digest> (the id of the job that holds it).
-- Returns for each 1 (new), 0 (there is a job of that id, nothing done), or the id of the job that holds its deduplication
-- id, in a list of one: nothing was done but what `extend` and `replace` ask for.

local ENDED = {finished = true, failed = true, stopped = true, canceled = true}
local made, waiting, sub_queues, at = {}, {}, {}, 2
local time = redis.call('TIME')

-- The job that holds the deduplication id. With a time to live it does so whatever becomes of it; without one, until it
-- has ended, also where its end did not delete the key: a stock RQ worker does not know the key.
local function holder(key)
  local id = redis.call('GET', key)
  if not id or redis.call('PTTL', key) >= 0 then return id end
  local status = redis.call('HGET', 'rq:job:' .. id, 'status')
  return status and not ENDED[status] and id
end

local function save(id, number)
  local sub_queue, delay, words = ARGV[number + 1], tonumber(ARGV[number + 2]), tonumber(ARGV[number + 5])
  redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, number + 6, number + 5 + words))
  if delay > 0 then
    redis.call('ZADD', 'rq:scheduled:' .. sub_queue, time[1] + time[2] / 1000000 + delay, id)
  else
    waiting[sub_queue] = waiting[sub_queue] or {}
    table.insert(waiting[sub_queue], id)
  end
  sub_queues[sub_queue] = true
end

-- Claim the deduplication id for a new job; where another job holds it, return that one's id.
local function deduplicate(id, number)
  local digest, ttl, extend, replace = string.match(ARGV[number + 4], '^(%x+)|(%d+)|(.?)|(.?)$')
  local key = 'gnb:deduplication:' .. string.sub(KEYS[1], 10) .. ':' .. digest
  local held_by = holder(key)
  if not held_by then
    redis.call('SET', key, id, unpack(ttl ~= '0' and {'PX', ttl} or {}))
    return
  end
  redis.call('HINCRBY', KEYS[2], string.format('%d|deduplicated', time[1] / 60), 1)
  if extend == '1' and redis.call('PTTL', key) >= 0 then redis.call('PEXPIRE', key, ttl) end
  local job = 'rq:job:' .. held_by
  local origin = replace == '1' and redis.call('HGET', job, 'origin')
  if origin and redis.call('ZREM', 'rq:scheduled:' .. origin, held_by) == 1 then
    redis.call('UNLINK', job, 'rq:results:' .. held_by, 'gnb:logs:' .. held_by)
    save(held_by, number)
  end
  return held_by
end

for number = 1, tonumber(ARGV[1]) do
  local id = ARGV[at]
  if ARGV[at + 3] == '1' and redis.call('EXISTS', 'rq:job:' .. id) == 1 then
    made[number] = 0
  else
    local held_by = ARGV[at + 4] ~= '' and deduplicate(id, at)
    if not held_by then save(id, at) end
    made[number] = held_by and {held_by} or 1
  end
  at = at + 6 + ARGV[at + 5]
end
for sub_queue in pairs(sub_queues) do redis.call('SADD', 'rq:queues', 'rq:queue:' .. sub_queue) end
for sub_queue, ids in pairs(waiting) do
  redis.call('RPUSH', 'rq:queue:' .. sub_queue, unpack(ids))
  redis.call('ZADD', KEYS[1], 0, 'work')
end
return made
