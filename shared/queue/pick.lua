-- Take jobs that may run now, as one atomic step: first those whose worker is gone, then by their place.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  take at most so many    ARGV[3]  milliseconds that a lease lasts
-- ARGV[4]  jobs that one user may have running; 0 is no limit
--
-- Returns {job id, place + FAR, 1 if its worker was lost, else 0, …}.

local AT_ONCE = 5000 -- jobs that become due, and lost ones, that one call looks at
local worker, most, lease, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = clock()

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LATER, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  redis.call('ZREM', LATER, id)
  local place = hidden_place(id)
  if place and not redis.call('ZSCORE', LEASES, id) then
    join(id, place - FAR)
  end
end

local taken = {}
local function take(id, place, lost)
  redis.call('ZADD', QUEUE, place, id)
  redis.call('ZADD', LEASES, now + lease, id)
  redis.call('HSET', OWNERS, id, worker)
  redis.call('HSET', STARTED, id, now)
  taken[#taken + 1] = id
  taken[#taken + 1] = string.format('%.0f', place)
  taken[#taken + 1] = lost
  most = most - 1
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  local place = hidden_place(id)
  if not place then -- it has ended, and its worker could not say so
    free(id)
    redis.call('HDEL', TYPES, id)
  elseif most > 0 then
    take(id, place, 1)
  end
end

if most <= 0 then
  return taken
end

local running = {}
if limit > 0 then
  for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
    local user = user_of(id)
    if user then
      running[user] = (running[user] or 0) + 1
    end
  end
end

if not index_fits() then
  index_anew()
end
local passed = 0 -- users who have enough running: they are at most all slots, divided by the limit
while most > 0 do
  local line = redis.call('ZRANGE', TURNS, passed, passed)[1]
  if not line then
    if index_fits() then
      break
    end
    index_anew() -- which found something in it that does not wait
    passed = 0
  else
    local entry = first_of(line)
    local id = entry and string.sub(entry, ID_AT)
    local place = id and waiting_place(id)
    local user = id and user_of(id)
    if not place or entry_of(id, place) ~= entry then
      if entry then
        redis.call('ZREM', LINES, entry)
      end
      give_turn(line)
    elseif limit > 0 and user and (running[user] or 0) >= limit then
      passed = passed + 1
    else
      leave(id, place)
      take(id, place + FAR, 0)
      if user then
        running[user] = (running[user] or 0) + 1
      end
    end
  end
end
return taken
