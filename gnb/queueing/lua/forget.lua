-- forget(id): delete a job that is in no list or registry any more, free the deduplication id that it holds, and give up
-- its place among the jobs that wait for the rate limit of their key.
-- A fragment: remove.lua and drain.lua are this text followed by their own. KEYS[1] is an rq:queue list of the queue.

local queue = string.match(KEYS[1], '^rq:queue:([^:]+)')

local function forget(id)
  local job = 'rq:job:' .. id
  local fields = redis.call('HMGET', job, 'deduplication', 'deduplication_ttl', 'key_limit')
  local digest = fields[1] or fields[2]
  if digest then
    local key = 'gnb:deduplication:' .. queue .. ':' .. digest
    if redis.call('GET', key) == id then redis.call('DEL', key) end
  end
  if fields[3] then
    redis.call('ZREM', 'gnb:held:' .. queue .. ':' .. string.match(fields[3], '^%x+'), id)
  end
  redis.call('UNLINK', job, 'rq:results:' .. id, 'gnb:logs:' .. id)
end
