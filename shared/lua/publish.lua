-- Append a publication to a channel's history and announce it, as one atomic step.
--
-- KEYS[1]  hash of the channel: "epoch", and "offset" of its newest publication
-- KEYS[2]  stream of the channel's newest publications; an entry's id is <offset>-0
-- ARGV[1]  pub/sub channel to announce on
-- ARGV[2]  the publication's data
-- ARGV[3]  epoch to give the channel if it has none
-- ARGV[4]  "<entries to keep> <milliseconds to keep them> <milliseconds to keep the position>"
--
-- Returns {offset, epoch}. Announces "<offset> <epoch>\n<data>".

local size, history_ttl, position_ttl = string.match(ARGV[4], '(%d+) (%d+) (%d+)')
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  -- Redis lost this channel's position: entries of the old epoch must not be mistaken for the new one's.
  epoch = ARGV[3]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
  redis.call('DEL', KEYS[2])
end
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
if offset % 16 == 1 then
  redis.call('PEXPIRE', KEYS[1], position_ttl) -- it is kept for weeks: now and then is often enough
end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', size, offset .. '-0', 'data', ARGV[2])
redis.call('PEXPIRE', KEYS[2], history_ttl)
redis.call('PUBLISH', ARGV[1], offset .. ' ' .. epoch .. '\n' .. ARGV[2])
return {offset, epoch}
