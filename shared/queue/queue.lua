-- What the scripts of the queue share; put before each of them.
--
-- KEYS[1]  queue: job ids by their place (ms; the lowest is first); from FAR on they are not to be taken
-- KEYS[2]  leases: running job ids by when they run out    KEYS[3]  owners: the worker of each running job
-- KEYS[4]  later: job ids by when they may be taken
-- KEYS[5]  lines: the waiting jobs again, sorted by user and place    KEYS[6]  turns: users by their first place
-- KEYS[7]  types: the task type of each job    KEYS[8]  started: when each running job was taken (ms)
--
-- Every time is this Redis's, in Unix milliseconds. A job id is "<task>:<queued at>:<user>". Running and later jobs
-- keep their place, plus FAR: so the jobs below FAR wait, and a job that is handed back is where it was.
--
-- The queue decides; lines and turns are an index of it, which finds the next job of a user who may run one without
-- passing over the others'. Whoever changes the queue without the index (an older version of these scripts, ARQ)
-- leaves it with another count of jobs, and the next pick builds it anew.

local QUEUE, LEASES, OWNERS, LATER, LINES, TURNS, TYPES, STARTED =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local FAR = 10000000000000
local BELOW_FAR = '(' .. string.format('%.0f', FAR)

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function user_of(id)
  return string.match(id, '^[^:]*:[^:]*:(.*)$')
end

local function line_of(id)
  return redis.sha1hex(user_of(id) or '')
end

local ID_AT = 40 + 1 + 16 + 1 + 1 -- where an entry's job id begins
local function entry_of(id, place)
  return line_of(id) .. ':' .. string.format('%016.0f', math.max(0, place)) .. ':' .. id
end

local function first_of(line)
  return redis.call('ZRANGEBYLEX', LINES, '[' .. line .. ':', '(' .. line .. ';', 'LIMIT', 0, 1)[1]
end

local function give_turn(line)
  local first = first_of(line)
  if first then
    redis.call('ZADD', TURNS, tonumber(string.sub(first, 42, 57)), line)
  else
    redis.call('ZREM', TURNS, line)
  end
end

-- Let a job wait at a place.
local function join(id, place)
  redis.call('ZADD', QUEUE, place, id)
  redis.call('ZADD', LINES, 0, entry_of(id, place))
  give_turn(line_of(id))
end

-- A job at `place` waits no more.
local function leave(id, place)
  redis.call('ZREM', LINES, entry_of(id, place))
  give_turn(line_of(id))
end

-- The place of a waiting job, or nil.
local function waiting_place(id)
  local score = tonumber(redis.call('ZSCORE', QUEUE, id) or FAR)
  return score < FAR and score or nil
end

-- The place of a job that is not to be taken, plus FAR, or nil.
local function hidden_place(id)
  local score = tonumber(redis.call('ZSCORE', QUEUE, id) or 0)
  return score >= FAR and score or nil
end

local function free(id)
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', OWNERS, id)
  redis.call('HDEL', STARTED, id)
end

local function index_fits()
  return redis.call('ZCARD', LINES) == redis.call('ZCOUNT', QUEUE, '-inf', BELOW_FAR)
end

local function index_anew()
  redis.call('DEL', LINES, TURNS)
  local waiting = redis.call('ZRANGEBYSCORE', QUEUE, '-inf', BELOW_FAR, 'WITHSCORES')
  local seen, entries = {}, {}
  for at = 1, #waiting, 2 do
    local id, place = waiting[at], tonumber(waiting[at + 1])
    local line = line_of(id)
    if not seen[line] then
      seen[line] = true
      redis.call('ZADD', TURNS, math.max(0, place), line)
    end
    entries[#entries + 1] = 0
    entries[#entries + 1] = entry_of(id, place)
    if #entries == 2000 or at + 2 > #waiting then
      redis.call('ZADD', LINES, unpack(entries))
      entries = {}
    end
  end
end
