-- register: a worker's hash, and its place on the lists of workers.
--
-- KEYS  1 rq:worker:<name>   2 rq:workers   3… rq:workers:<sub_queue>
-- ARGV  1 time to live of the hash, s   2… the words of the hash (name, value, …)

redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('HSETNX', KEYS[1], 'state', 'idle')
redis.call('EXPIRE', KEYS[1], ARGV[1])
for number = 2, #KEYS do redis.call('SADD', KEYS[number], KEYS[1]) end
