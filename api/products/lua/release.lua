-- Gives back what a purchase reserved, exactly once, and leaves a tombstone that stops a reservation that comes late.
-- KEYS: 1 reservation, 2 event stream, 3... the products of the items, in their order
-- ARGV: 1 now, 2 request id, 3 purchase id, 4 how long the tombstone is kept (ms),
--       5 'kept' when the items were read from the reservation, 'told' when there was none and the caller told them,
--       6 the items as JSON: [{ productId, incarnation, quantity }...]
-- Reply: { 'fresh', 'released', event id, at } | { 'fresh', 'changed' }: the reservation is not what was read, read again
local reservation, stream = KEYS[1], KEYS[2]
local now, request, purchase, keptMs, from, items = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local found = redis.call('HMGET', reservation, 'state', 'eventId', 'at', 'items')
local state = found[1]
if state == 'released' then
  -- A repetition writes too: what the first run wrote may never have reached a replica.
  redis.call('HINCRBY', reservation, 'asked', 1)
  redis.call('PEXPIRE', reservation, keptMs)
  return { 'fresh', 'released', found[2], found[3] }
end
if state == 'reserved' and (from ~= 'kept' or items ~= found[4]) then return { 'fresh', 'changed' } end
if not state and from ~= 'told' then return { 'fresh', 'changed' } end

local returned = {}
if state == 'reserved' or not state then
  for i, item in ipairs(cjson.decode(items)) do
    local product = KEYS[i + 2]
    -- A product that was deleted and made anew under the same id is another: nothing of this is its.
    if redis.call('HGET', product, 'incarnation') == item.incarnation then
      redis.call('HINCRBY', product, 'stock', int(item.quantity))
      redis.call('HINCRBY', product, 'returned', int(item.quantity))
      redis.call('HINCRBY', product, 'rev', 1)
      redis.call('HSET', product, 'updatedAt', now)
      returned[#returned + 1] = cjson.encode({ productId = item.productId, quantity = item.quantity })
    end
  end
end

-- Joined by hand: cjson takes an empty list for an object.
local event = '{"purchaseId":' .. cjson.encode(purchase) .. ',"items":[' .. table.concat(returned, ',') .. ']}'
local eventId = emit(stream, 'product.released', now, request, event)
redis.call('HSET', reservation, 'state', 'released', 'eventId', eventId, 'at', now)
redis.call('HDEL', reservation, 'items')
redis.call('PEXPIRE', reservation, keptMs)
return { 'fresh', 'released', eventId, now }
