-- forget(id): delete a job that is in no list or registry any more, free its deduplication id and its place among the jobs
-- that wait for the rate limit of their key, and put its dependents on the list of those to resolve.
-- A fragment: remove.lua and drain.lua follow it. KEYS[1] is an rq:queue list of the queue.

local queue = string.match(KEYS[1], '^rq:queue:([^:]+)')

local function forget(id)
  local job = 'rq:job:' .. id
  local fields = redis.call('HMGET', job, 'deduplication', 'deduplication_ttl', 'key_limit')
  local digest = fields[1] or fields[2]
  if digest then release_deduplication(queue, id, digest) end
  if fields[3] then
    redis.call('ZREM', 'gnb:held:' .. queue .. ':' .. string.match(fields[3], '^%x+'), id)
  end
  redis.call('UNLINK', job, 'rq:results:' .. id, 'gnb:logs:' .. id, 'rq:job::' .. id .. ':dependencies')
  if redis.call('EXISTS', job .. ':dependents') == 1 then job_ended(id, 'removed') end
end
