-- recurring: the counters of the schedules, and whether a scheduler leads.
--
-- KEYS  1 rq:scheduler:scheduled_jobs   template ids by next time; the hashes gnb:schedule:<name> are read
--       2 rq:scheduler_lock
-- ARGV  1 how many entries at most
-- Returns {1 or 0, now, {name, next time, fired, skipped, missed, …}}.

local found = {}
local entries = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for place = 1, #entries, 2 do
  local name = string.match(entries[place], '^schedule%-(.+)$')
  if name then
    local counts = redis.call('HMGET', 'gnb:schedule:' .. name, 'fired', 'skipped', 'missed')
    for _, value in ipairs({name, entries[place + 1], counts[1] or '0', counts[2] or '0', counts[3] or '0'}) do
      found[#found + 1] = value
    end
  end
end
local time = redis.call('TIME')
return {redis.call('EXISTS', KEYS[2]), time[1] .. '.' .. string.format('%06d', time[2]), found}
