-- Give a lease back; a job that has not ended returns to its place, now or later.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  job id    ARGV[3]  in how many milliseconds it may be taken again
-- ARGV[4]  signal that wakes the workers
--
-- Returns 1, or 0 if the lease is another worker's.

local id, due_in = ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', OWNERS, id) ~= ARGV[1] then
  return 0
end
free(id)
local place = hidden_place(id)
if place then
  if due_in > 0 then
    redis.call('ZADD', LATER, clock() + due_in, id)
  else
    join(id, place - FAR)
  end
elseif not redis.call('ZSCORE', QUEUE, id) then
  redis.call('HDEL', TYPES, id)
end
if redis.call('ZCOUNT', QUEUE, '-inf', BELOW_FAR) > 0 then -- its user may now run another one, elsewhere
  redis.call('PUBLISH', ARGV[4], '')
end
return 1
