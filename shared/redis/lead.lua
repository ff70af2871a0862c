-- Lead, or go on leading, or stop.
--
-- KEYS[1]  who leads
-- ARGV[1]  name    ARGV[2]  milliseconds that a lead lasts if it is not renewed; 0 gives it up
--
-- Returns 1 if it is ours now.

local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
