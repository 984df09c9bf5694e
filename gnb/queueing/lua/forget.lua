-- forget(id): delete a job that is in no list or registry any more, free its deduplication id, and tell its dependents.
-- A fragment: remove.lua and drain.lua are this text followed by their own. KEYS[1] is an rq:queue list of the queue.

local queue = string.match(KEYS[1], '^rq:queue:([^:]+)')

local function forget(id)
  local job = 'rq:job:' .. id
  local digests = redis.call('HMGET', job, 'deduplication', 'deduplication_ttl')
  local digest = digests[1] or digests[2]
  if digest then release_deduplication(queue, id, digest) end
  redis.call('UNLINK', job, 'rq:results:' .. id, 'gnb:logs:' .. id, 'rq:job::' .. id .. ':dependencies')
  if redis.call('EXISTS', job .. ':dependents') == 1 then job_ended(id, 'removed') end
end
