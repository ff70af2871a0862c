-- Give a job another place in the queue.
--
-- KEYS[1]  queue; see pick.lua
-- ARGV[1]  job id    ARGV[2]  its new place    ARGV[3]  FAR
--
-- Returns 1, or 0 if it does not wait (any more).

local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
