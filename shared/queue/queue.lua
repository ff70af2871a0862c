-- Keys and functions that the scripts of the queue share. This file is prepended to each of them.
--
-- KEYS[1]  queue: job ids by place (ms, lowest first). Jobs at FAR or above must not be taken.
-- KEYS[2]  leases: running job ids by when their lease ends
-- KEYS[3]  owners: the worker of each running job, and of each job that its worker has lost
-- KEYS[4]  later: job ids that wait for a retry, by when they are due
-- KEYS[5]  lines: queued jobs sorted by task type, user and place
-- KEYS[6]  turns: a prefix; "<turns>:<type>" has the lines of a type by the place of their first job
-- KEYS[7]  types: the task type of each job    KEYS[8]  started: when each running job was taken (ms)
--
-- All times are Unix milliseconds by this Redis's clock. A job id is "<task>:<queued at>:<user>". While a job is
-- running or waits for a retry, its score is its place plus FAR. So every job below FAR can run, and a job that is
-- handed back returns to its old place.
--
-- The queue is the truth. Lines and turns are an index of it: they find the next job of a type, and of a user who
-- may run one, without scanning the jobs of all others. If something changes the queue without updating the index
-- (an older version of these scripts, or ARQ itself), the two have different numbers of jobs, and the next pick
-- rebuilds the index.

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

-- The task type of a job; empty if it is unknown, because the entry is not a job of ours.
local function type_of(id)
  return redis.call('HGET', TYPES, id) or ''
end

local function turns_of(type)
  return TURNS .. ':' .. type
end

local function line_of(type, id)
  return redis.sha1hex(type .. '\n' .. (user_of(id) or ''))
end

-- An entry of lines is "<line>:<place>:<job id>". The line is the SHA-1 of type and user, the place has 16 digits,
-- so that sorting the entries as text sorts them by line and then by place.
local LINE_LENGTH, PLACE_LENGTH = 40, 16
local PLACE_STARTS = LINE_LENGTH + 2
local PLACE_ENDS = PLACE_STARTS + PLACE_LENGTH - 1
local ID_STARTS = PLACE_ENDS + 2
local function digits_of(place)
  return string.format('%016.0f', math.max(0, place))
end
local function entry_of(line, id, place)
  return line .. ':' .. digits_of(place) .. ':' .. id
end

-- The first entries of a line, `most` at most.
local function first_of(line, most)
  return redis.call('ZRANGEBYLEX', LINES, '[' .. line .. ':', '(' .. line .. ';', 'LIMIT', 0, most)
end

-- Set the turn of a line to its first entry, or remove the turn if there is none.
local function set_turn(type, line, first)
  if first then
    redis.call('ZADD', turns_of(type), tonumber(string.sub(first, PLACE_STARTS, PLACE_ENDS)), line)
  else
    redis.call('ZREM', turns_of(type), line)
  end
end

-- Update the turn of a line after the line has changed.
local function update_turn(type, line)
  set_turn(type, line, first_of(line, 1)[1])
end

-- Put a job in the queue at a place, where it can be taken.
local function join(id, place)
  local type = type_of(id)
  local line = line_of(type, id)
  redis.call('ZADD', QUEUE, place, id)
  redis.call('ZADD', LINES, 0, entry_of(line, id, place))
  update_turn(type, line)
end

-- Remove a job at `place` from the index; the caller changes its score in the queue.
local function leave(id, place)
  local type = type_of(id)
  local line = line_of(type, id)
  redis.call('ZREM', LINES, entry_of(line, id, place))
  update_turn(type, line)
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

-- Take a job out of the queue that was put back there because its worker seemed lost, but is not.
local function hide(id)
  local place = queued_place(id)
  if place then
    leave(id, place)
    redis.call('ZADD', QUEUE, place + FAR, id)
  end
end

-- Remove a job's lease.
local function free(id)
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', OWNERS, id)
  redis.call('HDEL', STARTED, id)
end

-- Forget a job that is neither queued nor running.
local function forget(id)
  free(id)
  redis.call('HDEL', TYPES, id)
end

local function index_is_complete()
  return redis.call('ZCARD', LINES) == redis.call('ZCOUNT', QUEUE, '-inf', BELOW_FAR)
end

-- Turns of a type without queued jobs may be left over; a pick removes them when it finds their lines empty.
local function rebuild_index()
  local AT_ONCE = 1000
  redis.call('DEL', LINES)
  local waiting = redis.call('ZRANGEBYSCORE', QUEUE, '-inf', BELOW_FAR, 'WITHSCORES')
  local emptied, seen = {}, {}
  for start = 1, #waiting, 2 * AT_ONCE do
    local ids, entries = {}, {}
    for at = start, math.min(start + 2 * AT_ONCE, #waiting) - 1, 2 do
      ids[#ids + 1] = waiting[at]
    end
    local types = redis.call('HMGET', TYPES, unpack(ids))
    for at, id in ipairs(ids) do
      local type, place = types[at] or '', tonumber(waiting[start + 2 * at - 1])
      local line = line_of(type, id)
      if not emptied[type] then
        emptied[type] = true
        redis.call('DEL', turns_of(type))
      end
      if not seen[line] then
        seen[line] = true
        redis.call('ZADD', turns_of(type), math.max(0, place), line)
      end
      entries[#entries + 1] = 0
      entries[#entries + 1] = entry_of(line, id, place)
    end
    redis.call('ZADD', LINES, unpack(entries))
  end
end
