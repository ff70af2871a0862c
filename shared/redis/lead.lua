-- Acquire, renew or give up the lease of a role.
--
-- KEYS[1]  name of the process that holds the role
-- ARGV[1]  name of this process    ARGV[2]  milliseconds until the lease expires; 0 gives it up
--
-- Returns 1 if this process holds the role now.

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
