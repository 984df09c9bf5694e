-- alive: how many workers of a queue show signs of life. One that was killed stays listed until a supervisor tidies up;
-- where none is left to do so, its hash has run out all the same.
--
-- KEYS  1 rq:workers:<queue>   set of worker keys; their hashes rq:worker:<name> are looked for
-- Returns the number.

local alive = 0
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[1])) do alive = alive + redis.call('EXISTS', worker) end
return alive
