-- Take jobs of some task types that may run now, in one atomic step: first those of lost workers, then by place.
--
-- KEYS  see queue.lua
-- ARGV[1]  worker    ARGV[2]  how many jobs to take at most    ARGV[3]  duration of a lease (ms)
-- ARGV[4]  how many jobs of one user may run at once; 0 means no limit
-- ARGV[5…]  for each task type: its name, how many of its jobs may run at once, how many of them for one user;
--           0 means no limit
--
-- Jobs of an unknown type are taken last: they are not jobs of ours, and the worker removes them.
--
-- Returns {job id, its task type, score in the queue, 1 if a worker has lost it, else 0, …}.

local AT_ONCE = 5000 -- how many due jobs, and how many lost ones, a call handles at most
local worker, most, lease, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = clock()

-- Each of our types with its next line, the place of that line's first job, and how many lines come before it.
local types, limits_types = {}, false
for at = 5, #ARGV, 3 do
  local most_of_type, per_user = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  types[#types + 1] =
    {name = ARGV[at], most = most_of_type, per_user = per_user, line = false, place = false, skipped = 0}
  limits_types = limits_types or most_of_type > 0 or per_user > 0
end
local function is_ours(name)
  for _, type in ipairs(types) do
    if type.name == name then
      return true
    end
  end
  return name == ''
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LATER, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  redis.call('ZREM', LATER, id)
  local score = hidden_score(id)
  if score and not redis.call('ZSCORE', LEASES, id) then
    join(id, score - FAR)
  end
end

local taken = {}
local function take(id, type, score)
  redis.call('ZADD', QUEUE, score, id)
  redis.call('ZADD', LEASES, now + lease, id)
  local is_new = redis.call('HSET', OWNERS, id, worker) -- only a job that a worker has lost still has an owner
  redis.call('HSET', STARTED, id, now)
  taken[#taken + 1] = id
  taken[#taken + 1] = type
  taken[#taken + 1] = string.format('%.0f', score)
  taken[#taken + 1] = 1 - is_new
  most = most - 1
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
  local score, type = hidden_score(id), type_of(id)
  if not score then -- it has ended, but its worker could not release the lease
    if redis.call('ZSCORE', QUEUE, id) then
      free(id)
    else
      forget(id)
    end
  elseif not is_ours(type) then -- it no longer runs, so it must not count as running; it keeps its owner
    redis.call('ZREM', LEASES, id)
    redis.call('HDEL', STARTED, id)
    join(id, score - FAR)
  elseif most > 0 then
    take(id, type, score)
  end
end

if most <= 0 then
  return taken
end

-- The running jobs by user, by type, and by type and user, as far as they are limited.
local of_user, of_type, of_both = {}, {}, {}
local function add(counts, key)
  counts[key] = (counts[key] or 0) + 1
end
local function count(type, user)
  add(of_type, type)
  if user then
    add(of_user, user)
    of_both[type] = of_both[type] or {}
    add(of_both[type], user)
  end
end
if limit > 0 or limits_types then
  local ids = redis.call('ZRANGE', LEASES, 0, -1)
  for start = 1, #ids, 1000 do
    local last = math.min(start + 999, #ids)
    local found = limits_types and redis.call('HMGET', TYPES, unpack(ids, start, last)) or {}
    for at = start, last do
      count(found[at - start + 1] or '', user_of(ids[at]))
    end
  end
end

local function is_full(type)
  return type.most > 0 and (of_type[type.name] or 0) >= type.most
end
local function is_at_limit(user, type)
  local of_this = of_both[type.name] or {}
  return user
    and (limit > 0 and (of_user[user] or 0) >= limit or type.per_user > 0 and (of_this[user] or 0) >= type.per_user)
end

-- Find the next line of a type, behind those of users at their limit. At most as many lines are skipped as there are
-- such users, of whom there are at most as many as all slots divided by the limit.
local function look(type)
  local found = redis.call('ZRANGE', turns_of(type.name), type.skipped, type.skipped, 'WITHSCORES')
  type.line, type.place = found[1], tonumber(found[2])
end
local function look_at_all()
  for _, type in ipairs(types) do
    type.skipped = 0
    look(type)
  end
end
local function next_type()
  local first
  for _, type in ipairs(types) do
    if type.line and not is_full(type) and (not first or type.place < first.place) then
      first = type
    end
  end
  return first
end

if not index_is_complete() then
  rebuild_index()
end
look_at_all()
local removed, knows_all = false, true
while most > 0 do
  local type = next_type()
  if not type then
    if removed then -- a wrong entry was removed below, which may have left a job without one
      removed = false
      rebuild_index()
      look_at_all()
    elseif knows_all then
      knows_all = false
      types[#types + 1] = {name = '', most = 0, per_user = 0, skipped = 0}
      look(types[#types])
    else
      break
    end
  else
    local entry, following = unpack(first_of(type.line, 2))
    local id = entry and string.sub(entry, ID_STARTS)
    local place = id and queued_place(id)
    local user = id and user_of(id)
    if not place or digits_of(place) ~= string.sub(entry, PLACE_STARTS, PLACE_ENDS) then
      if entry then
        redis.call('ZREM', LINES, entry)
        removed = true
      end
      update_turn(type.name, type.line)
    elseif is_at_limit(user, type) then
      type.skipped = type.skipped + 1
    else
      redis.call('ZREM', LINES, entry)
      set_turn(type.name, type.line, following)
      take(id, type.name, place + FAR)
      if limit > 0 or limits_types then
        count(type.name, user)
      end
    end
    if most > 0 then
      look(type)
    end
  end
end
return taken
