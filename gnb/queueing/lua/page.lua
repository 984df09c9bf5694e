-- page: the jobs at places [first, last) of a state, across the sub_queues, and how many there are in all.
--
-- KEYS  1-10 the sub_queues' lists or sorted sets, most urgent first
-- ARGV  1 "list" | "set" | "scan"   2 first   3 last   4 "1" highest score first   5 bytes after which it stops
--       6… the fields to read of each job's hash
-- The "set" of delayed jobs also has the next jobs of `repeat`, by repeated.lua; a scan does not.
-- A list is read sub-queue by sub-queue. A sorted set ("set") is merged by score while `last` is at most 5,000; ended jobs, whose
-- score is their expiry, by the end of the job where some are kept for ever and others are not, or, up to 2,000 of them, for
-- times of their own. A "scan" of
-- sorted sets reads sub-queue by sub-queue at every place, so that whoever reads on from page to page meets every job.
-- Returns {total, {id, score, value…}, …}, from the first place on, fewer than asked for when the bytes are used up.

local first, last, total, sizes, used = tonumber(ARGV[2]), tonumber(ARGV[3]), 0, {}, 0
local size = ARGV[1] == 'list' and 'LLEN' or 'ZCARD'
for number = 1, 10 do
  sizes[number] = redis.call(size, KEYS[number])
  total = total + sizes[number]
  if sizes[number] > 0 then used = used + 1 end
end
local queue = ARGV[1] == 'set' and string.match(KEYS[1], '^rq:scheduled:([^:]+)')
local repeated = queue and repeated_jobs(queue) or {}
if #repeated > 0 then
  sizes[11], total, used = #repeated / 2, total + #repeated / 2, used + 1
end

local FOREVER = 4000000000 -- beyond every expiry: what is kept for ever expires a century after its end, as in finish.lua
local mixed = false
if ARGV[1] == 'set' and ARGV[4] == '1' and last <= 5000 then
  local forever = 0
  for number = 1, 10 do
    if sizes[number] > 0 then forever = forever + redis.call('ZCOUNT', KEYS[number], FOREVER, '+inf') end
  end
  mixed = forever > 0 and forever < total
end

-- Whether jobs are kept for times other than their types' defaults, as finish.lua notes it.
local function has_own_ages()
  local registry, queue_name = string.match(KEYS[1], '^rq:(%a+):([^:]+)')
  local state = registry == 'finished' and 'completed' or registry
  return redis.call('EXISTS', 'gnb:ages:' .. queue_name .. ':' .. state) == 1
end
local sorted = ARGV[1] == 'set' and ARGV[4] == '1' and last <= 5000 and total <= 2000 and has_own_ages()

local function slice(number, from, to) -- places from..to, inclusive, as {id, score, id, score…}
  local key = KEYS[number]
  if not key then return {unpack(repeated, 2 * from + 1, math.min(2 * to + 2, #repeated))} end
  if ARGV[1] == 'list' then
    local pairs_ = {}
    for _, id in ipairs(redis.call('LRANGE', key, from, to)) do
      pairs_[#pairs_ + 1] = id
      pairs_[#pairs_ + 1] = ''
    end
    return pairs_
  end
  return redis.call(ARGV[4] == '1' and 'ZREVRANGE' or 'ZRANGE', key, from, to, 'WITHSCORES')
end

local function in_order()
  local found, passed = {}, 0
  for number = 1, #sizes do
    local from, to = math.max(first - passed, 0), last - passed - 1
    if sizes[number] > 0 and to >= 0 and from < sizes[number] then
      local part = slice(number, from, to)
      for place = 1, #part, 2 do found[#found + 1] = {part[place], part[place + 1]} end
    end
    passed = passed + sizes[number]
  end
  return found
end

-- The sub_queues are read on in slices of 100 as they are used up; `rank` is the score of a sub-queue's next entry, the lowest first.
local function merged()
  local heads, found = {}, {}
  local function step(head)
    head.at = head.at + 2
    if head.at > #head.entries then
      head.entries = head.most and redis.call('ZREVRANGEBYSCORE', head.key, head.most, head.least, 'WITHSCORES', 'LIMIT', head.from, 100)
        or slice(head.number, head.from, head.from + 99)
      head.at, head.from = 1, head.from + 100
    end
    local score = tonumber(head.entries[head.at + 1])
    head.rank = score and (ARGV[4] == '1' and -score or score)
    if score and head.most then head.ended = redis.call('HGET', 'rq:job:' .. head.entries[head.at], 'ended_at') or '' end
  end
  local function begin(number, most, least)
    heads[#heads + 1] = {number = number, key = KEYS[number], most = most, least = least, entries = {}, at = 1, from = 0}
    step(heads[#heads])
  end
  for number = 1, #sizes do
    if sizes[number] > 0 and mixed then
      begin(number, '+inf', FOREVER)
      begin(number, '(' .. FOREVER, '-inf')
    elseif sizes[number] > 0 then
      begin(number)
    end
  end
  local function before(one, other)
    if mixed then return one.ended > other.ended end
    return one.rank < other.rank
  end
  for place = 1, math.min(last, total) do
    local best
    for _, head in ipairs(heads) do
      if head.rank and (not best or before(head, best)) then best = head end
    end
    if place > first then found[#found + 1] = {best.entries[best.at], best.entries[best.at + 1]} end
    step(best)
  end
  return found
end

local function by_end()
  local jobs, found = {}, {}
  for number = 1, 10 do
    local entries = slice(number, 0, -1)
    for place = 1, #entries, 2 do
      local ended = redis.call('HGET', 'rq:job:' .. entries[place], 'ended_at') or ''
      jobs[#jobs + 1] = {entries[place], entries[place + 1], ended}
    end
  end
  table.sort(jobs, function(one, other) return one[3] > other[3] end)
  for place = first + 1, math.min(last, total) do found[#found + 1] = jobs[place] end
  return found
end

local found = sorted and by_end() or (ARGV[1] ~= 'set' or used <= 1 and not mixed or last > 5000) and in_order() or merged()
local answer, left = {total}, tonumber(ARGV[5])
for number, entry in ipairs(found) do
  if left <= 0 then break end
  local id = string.match(entry[1], '^[^:]+')
  local values = redis.call('HMGET', 'rq:job:' .. id, unpack(ARGV, 6))
  for _, value in ipairs(values) do left = left - (value and #value or 0) end
  answer[number + 1] = {id, entry[2], unpack(values)}
end
return answer
