-- release_deduplication(queue, id, digest): free a deduplication id that a job holds.
-- A fragment, before dependents.lua.

local function release_deduplication(queue, id, digest)
  local key = 'gnb:deduplication:' .. queue .. ':' .. digest
  if redis.call('GET', key) == id then redis.call('DEL', key) end
end
