-- count: adds a batch of counts to the application's counters, once, however often the batch is sent.
--
-- KEYS  1 gnb:counters   2 gnb:counted:<batch>, there for a day once the batch was counted
-- ARGV  name, count, name, count…
-- Returns 1, or 0 when the batch was counted before.

if not redis.call('SET', KEYS[2], '', 'NX', 'EX', 86400) then return 0 end
for place = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[place], ARGV[place + 1]) end
return 1
