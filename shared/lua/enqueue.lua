-- Put a job in the queue and wake the workers, unless it is there already.
--
-- KEYS[1]  queue: job ids by their place (Unix ms; the lowest is first); from FAR on they are not to be taken
-- KEYS[2]  the job's body        KEYS[3]  leases: running job ids by when they run out
-- KEYS[4]  later: job ids by when they may be taken
-- ARGV[1]  job id    ARGV[2]  its place    ARGV[3]  its body    ARGV[4]  milliseconds to keep the body
-- ARGV[5]  when it may be taken (Unix ms); 0 is now    ARGV[6]  FAR    ARGV[7]  signal that wakes the workers
--
-- Returns 1, or 0 if the job waits or runs already.

local id, place, far = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[6])
if redis.call('ZSCORE', KEYS[3], id) then
  return 0
end
if redis.call('ZSCORE', KEYS[1], id) and redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if ARGV[5] ~= '0' then
  redis.call('ZADD', KEYS[4], ARGV[5], id)
  place = place + far
end
redis.call('ZADD', KEYS[1], place, id)
redis.call('PUBLISH', ARGV[7], '')
return 1
