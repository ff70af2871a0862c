-- Release a lease. A job that has not ended returns to its place, at once or after a delay.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  job id    ARGV[3]  ms until the job may be taken again
-- ARGV[4]  channel of the signal that wakes the workers
--
-- Returns 1, or 0 if another worker has the lease.

local id, due_in = ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', OWNERS, id) ~= ARGV[1] then
  return 0
end
hide(id)
free(id)
local score = hidden_score(id)
if score then
  if due_in > 0 then
    redis.call('ZADD', LATER, clock() + due_in, id)
  else
    join(id, score - FAR)
  end
elseif not redis.call('ZSCORE', QUEUE, id) then
  forget(id)
end
if redis.call('ZCOUNT', QUEUE, '-inf', BELOW_FAR) > 0 then -- another worker may now run a job of this user
  redis.call('PUBLISH', ARGV[4], '')
end
return 1
