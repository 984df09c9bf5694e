-- alive: how many workers of a queue have sent a heartbeat lately, and how many of them are quiet and run nothing. One that
-- was killed stays listed until a supervisor removes it; if no supervisor is left, its hash still expires.
--
-- KEYS  1 rq:workers:<queue>   set of worker keys; their hashes rq:worker:<name> and gnb:executions:<name> are looked at
-- Returns {alive, quiet}.

local alive, quiet = 0, 0
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', worker) == 1 then
    alive = alive + 1
    local runs = redis.call('EXISTS', 'gnb:executions:' .. string.sub(worker, 11)) == 1
    if not runs and redis.call('HEXISTS', worker, 'quiet') == 1 then quiet = quiet + 1 end
  end
end
return {alive, quiet}
