-- requeue: named jobs of one state go back to the end of their band: a retry of failed (or finished) ones, or a delayed one promoted.
--
-- KEYS  1 gnb:wake:<queue>
-- ARGV  1 now, RQ's time format   2 registry to take from: "rq:failed:" | "rq:finished:" | "rq:scheduled:"
--       3 "1" to give the attempts back   4… job ids
-- Reads and writes rq:job:<id>, its registry and its band's rq:queue list.
-- Returns a list as long as the ids: 1 moved, 0 not in that state, -1 no such job.

local answers, moved = {}, false
for number = 4, #ARGV do
  local id = ARGV[number]
  local job = 'rq:job:' .. id
  local fields = redis.call('HMGET', job, 'origin', 'attempts')
  local band = fields[1]
  if not band then
    answers[number - 3] = -1
  elseif redis.call('ZREM', ARGV[2] .. band, id) == 0 then
    answers[number - 3] = 0
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[1])
    if ARGV[3] == '1' then
      redis.call('HSET', job, 'retries_left', (tonumber(fields[2]) or 1) - 1, 'stalls', 0)
      redis.call('HDEL', job, 'ended_at', 'progress', 'progress_message')
    end
    redis.call('PERSIST', job); redis.call('PERSIST', 'rq:results:' .. id); redis.call('PERSIST', 'gnb:logs:' .. id)
    redis.call('RPUSH', 'rq:queue:' .. band, id)
    answers[number - 3] = 1
    moved = true
  end
end
if moved then redis.call('ZADD', KEYS[1], 0, 'work') end
return answers
