-- Renew a worker's leases.
--
-- KEYS[1]  leases: running job ids by when they run out    KEYS[2]  owners: the worker of each running job
-- ARGV[1]  worker    ARGV[2]  milliseconds that a lease lasts    ARGV[3…]  job ids
--
-- A lease that nobody has (Redis has lost its data) is taken again. Returns the ids that another worker has.

local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
local lost = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local owner = redis.call('HGET', KEYS[2], id)
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = id
  else
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[1], ends, id)
  end
end
return lost
