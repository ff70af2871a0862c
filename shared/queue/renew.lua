-- Renew a worker's leases.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  milliseconds that a lease lasts    ARGV[3…]  job ids
--
-- A lease that nobody has is taken again: Redis has lost its data, or come back with older data, in which the job
-- may still wait. Returns the ids that another worker has.

local ends = clock() + tonumber(ARGV[2])
local lost = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local owner = redis.call('HGET', OWNERS, id)
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = id
  else
    if not owner then
      local place = waiting_place(id)
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
