-- Renew a worker's leases.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  duration of a lease (ms)    ARGV[3…]  for each job: its id and its task type
--
-- A lease without an owner is taken again: Redis has lost its data, or returned with older data in which the job
-- may still be queued. So is a lease that ran out, if the job was put back in the queue and nobody has taken it.
--
-- Returns the ids of the jobs that another worker has taken over.

local ends = clock() + tonumber(ARGV[2])
local lost = {}
for at = 3, #ARGV, 2 do
  local id, type = ARGV[at], ARGV[at + 1]
  local owner = redis.call('HGET', OWNERS, id)
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = id
  else
    hide(id)
    if not owner then
      redis.call('HSET', OWNERS, id, ARGV[1])
      if type ~= '' then
        redis.call('HSET', TYPES, id, type)
      end
    end
    redis.call('ZADD', LEASES, ends, id)
  end
end
return lost
