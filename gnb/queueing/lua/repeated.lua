-- repeated_jobs(queue): the next jobs of the queue that the option `repeat` made, as {template id, next time, …} by time.
-- A fragment: page.lua and counts.lua are this text followed by their own. Paused schedules have no next job.

local PAUSED = 32503680000 -- as in keys.py

local function repeated_jobs(queue)
  local found, flat = {}, {}
  for _, name in ipairs(redis.call('SMEMBERS', 'gnb:schedules:repeated')) do
    local id = 'schedule-' .. name
    local at = redis.call('ZSCORE', 'rq:scheduler:scheduled_jobs', id)
    local origin = redis.call('HGET', 'rq:job:' .. id, 'origin')
    if at and tonumber(at) < PAUSED and origin and string.match(origin, '^[^:]+') == queue then
      found[#found + 1] = {id, at}
    end
  end
  table.sort(found, function(one, other) return tonumber(one[2]) < tonumber(other[2]) end)
  for _, each in ipairs(found) do
    flat[#flat + 1] = each[1]
    flat[#flat + 1] = each[2]
  end
  return flat
end

