-- Keys and functions that the scripts of the queue share. This file is prepended to each of them.
--
-- KEYS[1]  queue: job ids by place (ms, lowest first). Jobs at FAR or above must not be taken.
-- KEYS[2]  leases: running job ids by when their lease ends    KEYS[3]  owners: the worker of each running job
-- KEYS[4]  later: job ids that wait for a retry, by when they are due
-- KEYS[5]  lines: queued jobs sorted by user and place    KEYS[6]  turns: users by the place of their first job
-- KEYS[7]  types: the task type of each job    KEYS[8]  started: when each running job was taken (ms)
--
-- All times are Unix milliseconds by this Redis's clock. A job id is "<task>:<queued at>:<user>". While a job is
-- running or waits for a retry, its score is its place plus FAR. So every job below FAR can run, and a job that is
-- handed back returns to its old place.
--
-- The queue is the truth. Lines and turns are an index of it: they find the next job of a user who may run one
-- without scanning the jobs of all others. If something changes the queue without updating the index (an older
-- version of these scripts, or ARQ itself), the two have different numbers of jobs, and the next pick rebuilds
-- the index.

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

-- An entry of lines is "<line>:<place>:<job id>". The line is the SHA-1 of the user, the place has 16 digits, so
-- that sorting the entries as text sorts them by user and then by place.
local LINE_LENGTH, PLACE_LENGTH = 40, 16
local PLACE_STARTS = LINE_LENGTH + 2
local PLACE_ENDS = PLACE_STARTS + PLACE_LENGTH - 1
local ID_STARTS = PLACE_ENDS + 2
local function entry_of(id, place)
  return line_of(id) .. ':' .. string.format('%016.0f', math.max(0, place)) .. ':' .. id
end

-- The first entry of a user's line, or nil.
local function first_of(line)
  return redis.call('ZRANGEBYLEX', LINES, '[' .. line .. ':', '(' .. line .. ';', 'LIMIT', 0, 1)[1]
end

-- Update a user's turn after the line has changed.
local function update_turn(line)
  local first = first_of(line)
  if first then
    redis.call('ZADD', TURNS, tonumber(string.sub(first, PLACE_STARTS, PLACE_ENDS)), line)
  else
    redis.call('ZREM', TURNS, line)
  end
end

-- Put a job in the queue at a place, where it can be taken.
local function join(id, place)
  redis.call('ZADD', QUEUE, place, id)
  redis.call('ZADD', LINES, 0, entry_of(id, place))
  update_turn(line_of(id))
end

-- Remove a job at `place` from the index; the caller changes its score in the queue.
local function leave(id, place)
  redis.call('ZREM', LINES, entry_of(id, place))
  update_turn(line_of(id))
end

-- The place of a job that can be taken, or nil.
local function queued_place(id)
  local score = tonumber(redis.call('ZSCORE', QUEUE, id) or FAR)
  return score < FAR and score or nil
end

-- The score (place plus FAR) of a job that must not be taken, or nil.
local function hidden_score(id)
  local score = tonumber(redis.call('ZSCORE', QUEUE, id) or 0)
  return score >= FAR and score or nil
end

-- Remove a job's lease.
local function free(id)
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', OWNERS, id)
  redis.call('HDEL', STARTED, id)
end

local function index_is_complete()
  return redis.call('ZCARD', LINES) == redis.call('ZCOUNT', QUEUE, '-inf', BELOW_FAR)
end

local function rebuild_index()
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
