-- forget(id): delete a job that is in no list or registry any more, and free the deduplication id that it holds.
-- A fragment: remove.lua and drain.lua are this text followed by their own. KEYS[1] is an rq:queue list of the queue.

local queue = string.match(KEYS[1], '^rq:queue:([^:]+)')

local function forget(id)
  local job = 'rq:job:' .. id
  local digests = redis.call('HMGET', job, 'deduplication', 'deduplication_ttl')
  local digest = digests[1] or digests[2]
  if digest then
    local key = 'gnb:deduplication:' .. queue .. ':' .. digest
    if redis.call('GET', key) == id then redis.call('DEL', key) end
  end
  redis.call('UNLINK', job, 'rq:results:' .. id, 'gnb:logs:' .. id)
end
