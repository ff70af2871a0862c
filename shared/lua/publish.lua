-- Append a publication to a channel's history and announce it, as one atomic step.
--
-- KEYS[1]  hash of the channel: "epoch", and "offset" of its newest publication
-- KEYS[2]  stream of the channel's newest publications; an entry's id is <offset>-0
-- ARGV[1]  pub/sub channel to announce on
-- ARGV[2]  the publication's data
-- ARGV[3]  epoch to give the channel if it has none
-- ARGV[4]  entries to keep          ARGV[5]  milliseconds to keep them
-- ARGV[6]  milliseconds to keep the position after the last use
--
-- Returns {offset, epoch}. Announces "<offset> <epoch>\n<data>".

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  -- Redis lost this channel's position: entries of the old epoch must not be mistaken for the new one's.
  epoch = ARGV[3]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
  redis.call('DEL', KEYS[2])
end
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], offset .. '-0', 'data', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PUBLISH', ARGV[1], offset .. ' ' .. epoch .. '\n' .. ARGV[2])
return {offset, epoch}
