-- Repair the index entries of some jobs, and delete the fields of jobs that no longer exist.
--
-- KEYS  see queue.lua
-- ARGV  job ids

for _, id in ipairs(ARGV) do
  local place = queued_place(id)
  if place then
    local type = type_of(id)
    local line = line_of(type, id)
    local has_entry = redis.call('ZSCORE', LINES, entry_of(line, id, place))
    if not (has_entry and redis.call('ZSCORE', turns_of(type), line)) then
      join(id, place)
    end
  elseif not redis.call('ZSCORE', QUEUE, id) and not redis.call('ZSCORE', LEASES, id) then
    forget(id)
  end
end
return #ARGV
