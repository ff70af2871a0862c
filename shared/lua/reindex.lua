-- Build the index of the queue anew, and forget what is kept of jobs that are gone.
--
-- KEYS  see queue.lua

index_anew()
for _, id in ipairs(redis.call('HKEYS', TYPES)) do
  if not redis.call('ZSCORE', QUEUE, id) then
    redis.call('HDEL', TYPES, id)
  end
end
for _, id in ipairs(redis.call('HKEYS', STARTED)) do
  if not redis.call('ZSCORE', LEASES, id) then
    redis.call('HDEL', STARTED, id)
  end
end
return redis.call('ZCARD', LINES)
