-- Read a channel's position and a part of its history, as of one instant.
--
-- KEYS[1]  hash of the channel: "epoch", "offset"
-- KEYS[2]  stream of its newest publications; an entry's id is <offset>-0
-- ARGV[1]  milliseconds to keep the position after the last use
-- ARGV[2]  read publications after this offset      ARGV[3]  maximum number of publications; 0 reads none
-- ARGV[4]  "reverse" reads backwards instead, from before that offset, or from the newest if it is 0
--
-- Returns {offset, epoch, entries}. The epoch is "<the channel's epoch>.<replication id>".
--
-- The channel's epoch is stored with the offset. A channel without an epoch gets the current time as one, so
-- that no epoch is used twice. A position read before the first publication stays valid after it.
--
-- The replication id belongs to the server and is not stored with the channel. When older data returns (a restored
-- backup, a power failure, a failover to a lagging replica), the stored epoch returns with it and offsets are
-- reused. But a server that has been started or promoted since then has another replication id. Half of its 40
-- digits are enough.

local position = redis.call('HMGET', KEYS[1], 'offset', 'epoch')
local offset, epoch = position[1], position[2]
if not epoch then
  local time = redis.call('TIME')
  offset, epoch = 0, time[1] .. '.' .. time[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local entries = {}
if tonumber(ARGV[3]) > 0 then
  if ARGV[4] == 'reverse' then
    local from = ARGV[2] == '0' and '+' or '(' .. ARGV[2] .. '-0'
    entries = redis.call('XREVRANGE', KEYS[2], from, '-', 'COUNT', ARGV[3])
  else
    entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
  end
end
local replication_id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or ''
return {tonumber(offset), epoch .. '.' .. string.sub(replication_id, 1, 20), entries}
