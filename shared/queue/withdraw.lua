-- Take a job out of the queue, and tell the worker that may run it to stop.
--
-- KEYS[1…8]  see queue.lua    KEYS[9]  the job's body
-- ARGV[1]  job id    ARGV[2]  signal that stops the task    ARGV[3]  task id

local id = ARGV[1]
local place = waiting_place(id)
if place then
  leave(id, place)
end
redis.call('ZREM', QUEUE, id)
redis.call('ZREM', LATER, id)
redis.call('HDEL', TYPES, id)
redis.call('DEL', KEYS[9])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
