-- remove: removes jobs that do not run.
--
-- KEYS  1-10 rq:queue:<sub_queue>
-- ARGV  1 how many places of lists may be looked through, about   2 remove only from this registry: "rq:queue:" |
--       "rq:finished:" | "rq:failed:" | "rq:scheduled:" | "rq:deferred:", "" for any   3 now, RQ's time format   4… job ids
-- Writes rq:job, rq:results, gnb:logs of each, the registries and the list of its sub_queue, and the keys of dependents.lua.
-- Returns for each id 1 removed, 0 it runs or is in another registry, -1 the queue has no such job; for the first ids only
-- where the lists are so long that all would take too much of the broker's time.

local REGISTRY = {finished = 'rq:finished:', failed = 'rq:failed:', stopped = 'rq:failed:', scheduled = 'rq:scheduled:',
  deferred = 'rq:deferred:', canceled = 'rq:canceled:'}
local answers, places, from, own = {}, tonumber(ARGV[1]), ARGV[2], {}
for number = 1, 10 do own[KEYS[number]] = true end
for number = 1, #ARGV - 3 do
  local id = ARGV[number + 3]
  local fields = redis.call('HMGET', 'rq:job:' .. id, 'origin', 'status')
  local sub_queue, status = fields[1] or '', fields[2]
  local list = 'rq:queue:' .. sub_queue
  if not own[list] or string.sub(id, 1, 9) == 'schedule-' then -- a schedule's template is no job of the queue
    answers[number] = -1
  elseif status == 'started' then
    answers[number] = 0
  else
    local registry, taken = REGISTRY[status] or 'rq:queue:', 0
    if from ~= '' and from ~= registry then
      taken = 0 -- it has left the registry that the caller means
    elseif registry ~= 'rq:queue:' then
      taken = redis.call('ZREM', registry .. sub_queue, id)
    else
      places = places - redis.call('LLEN', list)
      taken = redis.call('LREM', list, 1, id)
    end
    if from == '' or taken == 1 then
      if status == 'deferred' then leave_parents(id) end
      forget(id)
      answers[number] = 1
    else
      answers[number] = 0
    end
  end
  if places <= 0 then break end
end
local time = redis.call('TIME')
resolve_dependents(time[1] + time[2] / 1000000, ARGV[3], 200)
return answers
