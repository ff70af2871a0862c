-- Read a channel's position and a part of its history, as of one instant.
--
-- KEYS[1]  hash of the channel: "epoch", "offset"
-- KEYS[2]  stream of its newest publications; an entry's id is <offset>-0
-- ARGV[1]  epoch to give the channel if it has none, so that a position read before the first
--          publication stays true after it
-- ARGV[2]  milliseconds to keep the position after the last use
-- ARGV[3]  read publications after this offset      ARGV[4]  at most so many; 0 reads none
-- ARGV[5]  "reverse" reads backwards instead, from before that offset, or from the newest if it is 0
--
-- Returns {offset, epoch, entries}.

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local offset = redis.call('HGET', KEYS[1], 'offset')
local entries = {}
if tonumber(ARGV[4]) > 0 then
  if ARGV[5] == 'reverse' then
    local from = ARGV[3] == '0' and '+' or '(' .. ARGV[3] .. '-0'
    entries = redis.call('XREVRANGE', KEYS[2], from, '-', 'COUNT', ARGV[4])
  else
    entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+', 'COUNT', ARGV[4])
  end
end
return {tonumber(offset), epoch, entries}
