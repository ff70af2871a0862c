-- Renew a worker's leases.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  duration of a lease (ms)    ARGV[3…]  job ids
--
-- A lease without an owner is taken again: Redis has lost its data, or returned with older data in which the job
-- may still be queued.
--
-- Returns the ids of the jobs that another worker has taken over.

local ends = clock() + tonumber(ARGV[2])
local lost = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local owner = redis.call('HGET', OWNERS, id)
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = id
  else
    if not owner then
      local place = queued_place(id)
      if place then
        leave(id, place)
        redis.call('ZADD', QUEUE, place + FAR, id)
      end
      redis.call('HSET', OWNERS, id, ARGV[1])
    end
    redis.call('ZADD', LEASES, ends, id)
  end
end
return lost
