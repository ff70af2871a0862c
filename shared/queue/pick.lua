-- Take jobs that may run now, in one atomic step: first those of lost workers, then by place.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  how many jobs to take at most    ARGV[3]  duration of a lease (ms)
-- ARGV[4]  how many jobs of one user may run at once; 0 means no limit
--
-- Returns {job id, score in the queue, 1 if taken over from a lost worker, else 0, …}.

local AT_ONCE = 5000 -- how many due jobs, and how many lost ones, a call handles at most
local worker, most, lease, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = clock()

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LATER, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  redis.call('ZREM', LATER, id)
  local score = hidden_score(id)
  if score and not redis.call('ZSCORE', LEASES, id) then
    join(id, score - FAR)
  end
end

local taken = {}
local function take(id, score, lost)
  redis.call('ZADD', QUEUE, score, id)
  redis.call('ZADD', LEASES, now + lease, id)
  redis.call('HSET', OWNERS, id, worker)
  redis.call('HSET', STARTED, id, now)
  taken[#taken + 1] = id
  taken[#taken + 1] = string.format('%.0f', score)
  taken[#taken + 1] = lost
  most = most - 1
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  local score = hidden_score(id)
  if not score then -- it has ended, but its worker could not release the lease
    free(id)
    redis.call('HDEL', TYPES, id)
  elseif most > 0 then
    take(id, score, 1)
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

if not index_is_complete() then
  rebuild_index()
end
local skipped = 0 -- users at their limit; there are at most as many as all slots divided by the limit
while most > 0 do
  local line = redis.call('ZRANGE', TURNS, skipped, skipped)[1]
  if not line then
    if index_is_complete() then
      break
    end
    rebuild_index() -- wrong entries were removed below, which may have left jobs without one
    skipped = 0
  else
    local entry = first_of(line)
    local id = entry and string.sub(entry, ID_STARTS)
    local place = id and queued_place(id)
    local user = id and user_of(id)
    if not place or entry_of(id, place) ~= entry then
      if entry then
        redis.call('ZREM', LINES, entry)
      end
      update_turn(line)
    elseif limit > 0 and user and (running[user] or 0) >= limit then
      skipped = skipped + 1
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
