-- remove: jobs that do not run, from wherever they stand.
--
-- KEYS  1-10 rq:queue:<sub_queue>
-- ARGV  1 how many places of lists may be looked through, about; then job ids
-- Writes rq:job, rq:results, gnb:logs of each, the registries and the list of its sub_queue.
-- Returns for each id 1 removed, 0 it runs, -1 the queue has no such job; for the first ids only where the lists are so
-- long that all would take too much of the broker's time at once.

local REGISTRY = {finished = 'rq:finished:', failed = 'rq:failed:', stopped = 'rq:failed:', scheduled = 'rq:scheduled:',
  deferred = 'rq:deferred:', canceled = 'rq:canceled:'}
local answers, places, own = {}, tonumber(ARGV[1]), {}
for number = 1, 10 do own[KEYS[number]] = true end
for number = 1, #ARGV - 1 do
  local id = ARGV[number + 1]
  local fields = redis.call('HMGET', 'rq:job:' .. id, 'origin', 'status')
  local sub_queue, status = fields[1] or '', fields[2]
  local list = 'rq:queue:' .. sub_queue
  if not own[list] or string.sub(id, 1, 9) == 'schedule-' then -- a schedule's template is no job of the queue
    answers[number] = -1
  elseif status == 'started' then
    answers[number] = 0
  else
    if REGISTRY[status] then
      redis.call('ZREM', REGISTRY[status] .. sub_queue, id)
    else
      places = places - redis.call('LLEN', list)
      redis.call('LREM', list, 1, id)
    end
    redis.call('UNLINK', 'rq:job:' .. id, 'rq:results:' .. id, 'gnb:logs:' .. id)
    answers[number] = 1
  end
  if places <= 0 then break end
end
return answers
