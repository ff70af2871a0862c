-- Remove a job from the queue, and signal its worker to stop if it is running.
--
-- KEYS[1…8]  see queue.lua    KEYS[9]  the job's body
-- ARGV[1]  job id    ARGV[2]  channel of the signal that stops a task    ARGV[3]  task id

local id = ARGV[1]
local place = queued_place(id)
if place then
  leave(id, place)
end
redis.call('ZREM', QUEUE, id)
redis.call('ZREM', LATER, id)
if not redis.call('ZSCORE', LEASES, id) then -- it counts as running until its worker releases it
  forget(id)
end
redis.call('DEL', KEYS[9])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
