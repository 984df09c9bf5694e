-- remove: jobs that do not run, from wherever they stand.
--
-- ARGV  job ids
-- Writes rq:job, rq:results, gnb:logs of each, the registries and the list of its band.
-- Returns a list as long as the ids: 1 removed, 0 it runs, -1 no such job.

local REGISTRY = {finished = 'rq:finished:', failed = 'rq:failed:', stopped = 'rq:failed:', scheduled = 'rq:scheduled:',
  deferred = 'rq:deferred:', canceled = 'rq:canceled:'}
local answers = {}
for number, id in ipairs(ARGV) do
  local fields = redis.call('HMGET', 'rq:job:' .. id, 'origin', 'status')
  local band, status = fields[1], fields[2]
  if not band then
    answers[number] = -1
  elseif status == 'started' then
    answers[number] = 0
  else
    if REGISTRY[status] then
      redis.call('ZREM', REGISTRY[status] .. band, id)
    else
      redis.call('LREM', 'rq:queue:' .. band, 1, id)
    end
    redis.call('UNLINK', 'rq:job:' .. id, 'rq:results:' .. id, 'gnb:logs:' .. id)
    answers[number] = 1
  end
end
return answers
