-- Ends a pending purchase that products has refused. One in any other state stays as it is: the first end is the only one.
-- KEYS: 1 purchase, 2 event stream, 3 pending index, 4 index of ending purchases,
--       5 all pending, 6 all failed, 7 owner's pending, 8 owner's failed (lists)
-- ARGV: 1 id, 2 request id, 3 failure (JSON), 4 data of purchase.failed (JSON), 5 how long a failed purchase is kept (ms)
-- Reply: { 'fresh', 'applied' or 'unchanged', field, value, ... }: the purchase as it is now; { 'fresh', 'missing' }; { 'fresh', 'old-format' } (see rewrite.lua)
local purchase, stream, pending, ending = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, request, failure, failed, keptMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local state = redis.call('HMGET', purchase, 'status', 'history')
local status, history = state[1], state[2]
if not status then return { 'fresh', 'missing' } end

local result = 'unchanged'
if status == 'pending' then
  if not history then return { 'fresh', 'old-format' } end
  result = 'applied'
  local event = emit(stream, 'purchase.failed', request, failed)
  redis.call('HSET', purchase, 'status', 'failed', 'failure', failure, 'history', history .. ',f' .. now .. ':' .. event)
  redis.call('HINCRBY', purchase, 'version', 1)
  redis.call('ZADD', ending, int(tonumber(now) + tonumber(keptMs)), id)
  redis.call('ZREM', pending, id)
  redis.call('ZREM', KEYS[5], id)
  redis.call('ZADD', KEYS[6], 0, id)
  redis.call('ZREM', KEYS[7], id)
  redis.call('ZADD', KEYS[8], 0, id)
else
  redis.call('HSET', purchase, 'status', status) -- changes nothing, but gives WAIT a write that comes after what is answered
end
return { 'fresh', result, unpack(redis.call('HGETALL', purchase)) }
