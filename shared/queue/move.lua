-- Give a job another place in the queue.
--
-- KEYS  see queue.lua
-- ARGV[1]  job id    ARGV[2]  how long ago its new place is (ms)
--
-- Returns 1, or 0 if it does not wait (any more).

local id = ARGV[1]
local place = waiting_place(id)
if not place then
  return 0
end
leave(id, place)
join(id, clock() - tonumber(ARGV[2]))
return 1
