-- register: write a worker's hash, add it to the lists of workers, and add its queues to the list of queues.
--
-- KEYS  1 rq:worker:<name>   2 rq:queues   3 rq:workers   4… rq:workers:<sub_queue>
-- ARGV  1 time to live of the hash, s   2 the number of queues, then rq:queue:<name> of each
--       then the fields of the hash (name, value, …)

local queues = tonumber(ARGV[2])
redis.call('SADD', KEYS[2], unpack(ARGV, 3, 2 + queues))
redis.call('HSET', KEYS[1], unpack(ARGV, 3 + queues))
redis.call('HSETNX', KEYS[1], 'state', 'idle')
redis.call('EXPIRE', KEYS[1], ARGV[1])
for number = 3, #KEYS do redis.call('SADD', KEYS[number], KEYS[1]) end
