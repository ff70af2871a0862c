-- Move a queued job to another place.
--
-- KEYS  see queue.lua
-- ARGV[1]  job id    ARGV[2]  age of its new place (ms before now)
--
-- Returns 1, or 0 if the job is not queued.

local id = ARGV[1]
local place = queued_place(id)
if not place then
  return 0
end
leave(id, place)
join(id, clock() - tonumber(ARGV[2]))
return 1
