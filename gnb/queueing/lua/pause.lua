-- pause: pause a queue, or resume it.
--
-- KEYS  1 gnb:paused:<queue>   2 gnb:wake:<queue>
-- ARGV  1 now, RQ's time format; "" to resume

if ARGV[1] ~= '' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('DEL', KEYS[1])
  redis.call('ZADD', KEYS[2], 0, 'work')
end
