-- Completes a pending purchase whose items products has reserved. One in any other state stays as it is: the first end is the only one.
-- KEYS: 1 purchase, 2 event stream, 3 pending index,
--       4 all pending, 5 all completed, 6 owner's pending, 7 owner's completed (lists)
-- ARGV: 1 id, 2 request id, 3 items (JSON), 4 history entry of product.reserved, 5 data of purchase.completed (JSON)
-- Reply: { 'fresh', 'applied' or 'unchanged', field, value, ... }: the purchase as it is now; { 'fresh', 'missing' }; { 'fresh', 'old-format' } (see rewrite.lua)
local purchase, stream, pending = KEYS[1], KEYS[2], KEYS[3]
local id, request, items, reserved, completed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local state = redis.call('HMGET', purchase, 'status', 'history')
local status, history = state[1], state[2]
if not status then return { 'fresh', 'missing' } end

local result = 'unchanged'
if status == 'pending' then
  if not history then return { 'fresh', 'old-format' } end
  result = 'applied'
  local event = emit(stream, 'purchase.completed', request, completed)
  redis.call('HSET', purchase, 'status', 'completed', 'items', items,
    'history', history .. ',' .. reserved .. ',d' .. now .. ':' .. event)
  redis.call('HDEL', purchase, 'requested') -- the items say the same
  redis.call('HINCRBY', purchase, 'version', 1)
  redis.call('ZREM', pending, id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('ZADD', KEYS[5], 0, id)
  redis.call('ZREM', KEYS[6], id)
  redis.call('ZADD', KEYS[7], 0, id)
else
  redis.call('HSET', purchase, 'status', status) -- changes nothing, but gives WAIT a write that comes after what is answered
end
return { 'fresh', result, unpack(redis.call('HGETALL', purchase)) }
