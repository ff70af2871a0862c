-- Put a job in the queue and wake the workers, unless it is already queued or running.
--
-- KEYS[1…8]  see queue.lua    KEYS[9]  the job's body
-- ARGV[1]  job id    ARGV[2]  age of its place (ms before now)    ARGV[3]  its body    ARGV[4]  ms to keep the body
-- ARGV[5]  ms until it may be taken    ARGV[6]  task type    ARGV[7]  channel of the signal that wakes the workers
--
-- Returns 1, or 0 if the job is already queued or running.

local id, now = ARGV[1], clock()
if redis.call('ZSCORE', LEASES, id) then
  return 0
end
local before = redis.call('ZSCORE', QUEUE, id)
if before and redis.call('EXISTS', KEYS[9]) == 1 then
  return 0
end
if before and tonumber(before) < FAR then
  leave(id, tonumber(before))
end
redis.call('SET', KEYS[9], ARGV[3], 'PX', ARGV[4])
redis.call('HSET', TYPES, id, ARGV[6])
local place, due_in = now - tonumber(ARGV[2]), tonumber(ARGV[5])
if due_in > 0 then
  redis.call('ZADD', LATER, now + due_in, id)
  redis.call('ZADD', QUEUE, place + FAR, id)
else
  join(id, place)
end
redis.call('PUBLISH', ARGV[7], '')
return 1
