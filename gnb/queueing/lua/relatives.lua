-- relatives: the jobs that a job depends on, and those that depend on it, the ones it was resolved for first.
--
-- KEYS  1 rq:job:<id>   2 rq:job:<id>:dependents
-- ARGV  1 how many dependents at most   2… the fields to read of each job's hash
-- Returns {parents, dependents}, each a list of {id, value…}; false stands for the values of a job that is gone.

local own = redis.call('HMGET', KEYS[1], 'dependency_ids', 'dependents')
local known = {}

local function read(ids, most)
  local rows = {}
  for _, id in ipairs(ids) do
    if #rows < most and not known[id] then
      known[id] = true
      rows[#rows + 1] = {id, unpack(redis.call('HMGET', 'rq:job:' .. id, unpack(ARGV, 2)))}
    end
  end
  return rows
end

local parents = read(own[1] and cjson.decode(own[1]) or {}, 1000)
local dependents = {}
for id in string.gmatch(own[2] or '', '%S+') do dependents[#dependents + 1] = id end
for _, id in ipairs(redis.call('SRANDMEMBER', KEYS[2], ARGV[1])) do dependents[#dependents + 1] = id end
return {parents, read(dependents, tonumber(ARGV[1]))}
