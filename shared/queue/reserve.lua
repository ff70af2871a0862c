-- Reserve room for one more queued task of a user, until the task is stored or the reservation expires.
--
-- KEYS[1]  the user's reservations: task ids by when they expire (ms)
-- ARGV[1]  task id    ARGV[2]  duration of a reservation (ms)
--
-- Returns the task ids of all reservations, this one included.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
