-- Repair the index entries of some jobs, and delete the fields of jobs that no longer exist.
--
-- KEYS  see queue.lua
-- ARGV  job ids

for _, id in ipairs(ARGV) do
  local place = queued_place(id)
  local line = line_of(id)
  if place and not (redis.call('ZSCORE', LINES, entry_of(id, place)) and redis.call('ZSCORE', TURNS, line)) then
    join(id, place)
  elseif not redis.call('ZSCORE', QUEUE, id) then
    redis.call('HDEL', TYPES, id)
    redis.call('HDEL', STARTED, id)
  end
end
return #ARGV
