-- Append a publication to a channel's history and announce it, as one atomic step.
--
-- KEYS[1]  hash of the channel: "epoch", and "offset" of its newest publication; also the pub/sub name
-- KEYS[2]  stream of the channel's newest publications; an entry's id is <offset>-0
-- ARGV[1]  the publication's data
-- ARGV[2]  entries to keep; a few more may be kept, since whole nodes of the stream are dropped
-- ARGV[3]  milliseconds to keep them              ARGV[4]  milliseconds to keep the position
--
-- Returns the publication's offset. Announces "<offset>\n<data>".
--
-- Every event passes through this script, so each call counts: the epoch is checked only with the first
-- offset, which also shows a follower that the channel has started over.

local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
if offset == 1 then
  -- Either a reader has given the channel its epoch already, or Redis had lost the channel's position. In that
  -- case, entries of the old epoch must not pass for entries of the new one.
  local time = redis.call('TIME')
  redis.call('HSETNX', KEYS[1], 'epoch', time[1] .. '.' .. time[2])
  redis.call('DEL', KEYS[2])
end
if offset % 16 == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[4]) -- it is kept for weeks, so it is enough to renew it now and then
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], offset .. '-0', 'data', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PUBLISH', KEYS[1], offset .. '\n' .. ARGV[1])
return offset
