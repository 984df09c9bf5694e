-- enqueue: one job or many, each saved and queued (or set aside until its time) in one step.
--
-- KEYS  1 gnb:wake:<queue>
-- ARGV  1 the number of jobs, then for each: id, sub_queue, seconds to wait (0: now), "1" if the id may be taken already,
--       number of field words, then the words of its hash in RQ's format (name, value, …)
-- Writes rq:job:<id>, rq:queue:<sub_queue> or rq:scheduled:<sub_queue>, rq:queues.
-- Returns a list of 1 (new) and 0 (there is a job of that id, nothing done).

local made, waiting, sub_queues, at = {}, {}, {}, 2
local time = redis.call('TIME')
for number = 1, tonumber(ARGV[1]) do
  local id, sub_queue, delay, words = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  if ARGV[at + 3] == '1' and redis.call('EXISTS', 'rq:job:' .. id) == 1 then
    made[number] = 0
  else
    redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, at + 5, at + 4 + words))
    if delay > 0 then
      redis.call('ZADD', 'rq:scheduled:' .. sub_queue, time[1] + time[2] / 1000000 + delay, id)
    else
      waiting[sub_queue] = waiting[sub_queue] or {}
      table.insert(waiting[sub_queue], id)
    end
    sub_queues[sub_queue] = true
    made[number] = 1
  end
  at = at + 5 + words
end
for sub_queue in pairs(sub_queues) do redis.call('SADD', 'rq:queues', 'rq:queue:' .. sub_queue) end
for sub_queue, ids in pairs(waiting) do
  redis.call('RPUSH', 'rq:queue:' .. sub_queue, unpack(ids))
  redis.call('ZADD', KEYS[1], 0, 'work')
end
return made
