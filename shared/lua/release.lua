-- Give a lease back; a job that has not ended returns to its place, now or later.
--
-- KEYS[1]  queue    KEYS[2]  leases    KEYS[3]  owners    KEYS[4]  later; see pick.lua
-- ARGV[1]  worker    ARGV[2]  job id    ARGV[3]  when it may be taken again (Unix ms); 0 is now
-- ARGV[4]  FAR    ARGV[5]  signal that wakes the workers
--
-- Returns 1, or 0 if the lease is another worker's.

local id, far = ARGV[2], tonumber(ARGV[4])
if redis.call('HGET', KEYS[3], id) ~= ARGV[1] then
  return 0
end
redis.call('ZREM', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
local score = tonumber(redis.call('ZSCORE', KEYS[1], id) or 0)
if score >= far then
  if ARGV[3] == '0' then
    redis.call('ZADD', KEYS[1], score - far, id)
  else
    redis.call('ZADD', KEYS[4], ARGV[3], id)
  end
end
if redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[4]) > 0 then -- its user may now run another one, elsewhere
  redis.call('PUBLISH', ARGV[5], '')
end
return 1
