-- enqueue: one job or many, each saved and queued (or set aside until its time) in one step.
--
-- KEYS  1 gnb:wake:<queue>
-- ARGV  1 the number of jobs, then for each: id, band, seconds to wait (0: now), "1" if the id may be taken already,
--       number of field words, then the words of its hash in RQ's format (name, value, …)
-- Writes rq:job:<id>, rq:queue:<band> or rq:scheduled:<band>, rq:queues.
-- Returns a list of 1 (new) and 0 (there is a job of that id, nothing done).

local made, waiting, bands, at = {}, {}, {}, 2
local time = redis.call('TIME')
for number = 1, tonumber(ARGV[1]) do
  local id, band, delay, words = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  if ARGV[at + 3] == '1' and redis.call('EXISTS', 'rq:job:' .. id) == 1 then
    made[number] = 0
  else
    redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, at + 5, at + 4 + words))
    if delay > 0 then
      redis.call('ZADD', 'rq:scheduled:' .. band, time[1] + time[2] / 1000000 + delay, id)
    else
      waiting[band] = waiting[band] or {}
      table.insert(waiting[band], id)
    end
    bands[band] = true
    made[number] = 1
  end
  at = at + 5 + words
end
for band in pairs(bands) do redis.call('SADD', 'rq:queues', 'rq:queue:' .. band) end
for band, ids in pairs(waiting) do
  redis.call('RPUSH', 'rq:queue:' .. band, unpack(ids))
  redis.call('ZADD', KEYS[1], 0, 'work')
end
return made
