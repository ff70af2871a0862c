-- Take jobs that may run now, as one atomic step: first those whose worker is gone, then by their place.
--
-- KEYS[1]  queue: job ids by their place (Unix ms; the lowest is first); from FAR on they are not to be taken
-- KEYS[2]  leases: running job ids by when they run out    KEYS[3]  owners: the worker of each running job
-- KEYS[4]  later: job ids by when they may be taken
-- ARGV[1]  worker    ARGV[2]  take at most so many    ARGV[3]  milliseconds that a lease lasts
-- ARGV[4]  jobs that one user may have running; 0 is no limit    ARGV[5]  FAR
--
-- A job id is "<task>:<queued at>:<user>". Running and later jobs keep their place, plus FAR: so what waits
-- is what is below FAR, and a job that is handed back is where it was.
--
-- Returns {job id, place + FAR, job id, place + FAR, …}.

local SCAN, PAGE = 5000, 100 -- waiting jobs that are looked at, when the first ones' users have enough running
local worker, most, lease, limit, far =
  ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function hidden_place(id)
  local score = tonumber(redis.call('ZSCORE', KEYS[1], id) or 0)
  return score >= far and score or nil
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, SCAN)) do
  redis.call('ZREM', KEYS[4], id)
  local place = hidden_place(id)
  if place and not redis.call('ZSCORE', KEYS[2], id) then
    redis.call('ZADD', KEYS[1], place - far, id)
  end
end

local taken = {}
local function take(id, place)
  redis.call('ZADD', KEYS[1], place, id)
  redis.call('ZADD', KEYS[2], now + lease, id)
  redis.call('HSET', KEYS[3], id, worker)
  taken[#taken + 1] = id
  taken[#taken + 1] = tostring(place)
  most = most - 1
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, SCAN)) do
  local place = hidden_place(id)
  if not place then -- it has ended, and its worker could not say so
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
  elseif most > 0 then
    take(id, place)
  end
end

local function user_of(id)
  return string.match(id, '^[^:]*:[^:]*:(.*)$')
end

local running = {}
if limit > 0 and most > 0 then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local user = user_of(id)
    if user then
      running[user] = (running[user] or 0) + 1
    end
  end
end

local chosen = {}
local offset = 0
while #chosen < most and offset < SCAN do
  local page = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', offset, PAGE)
  for at = 1, #page, 2 do
    local id = page[at]
    local user = limit > 0 and user_of(id)
    if #chosen < most and (not user or (running[user] or 0) < limit) then
      chosen[#chosen + 1] = { id, tonumber(page[at + 1]) + far }
      if user then
        running[user] = (running[user] or 0) + 1
      end
    end
  end
  if #page < 2 * PAGE then
    break
  end
  offset = offset + PAGE
end
for _, job in ipairs(chosen) do
  take(job[1], job[2])
end
return taken
