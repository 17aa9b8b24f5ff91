-- Gives back what a purchase reserved, exactly once, and leaves a tombstone that stops a reservation that comes late.
-- KEYS: 1 reservation, 2 event stream, 3... the products of the items, in their order
-- ARGV: 1 request id, 2 purchase id, 3 how long the tombstone is kept (ms),
--       4 where the items come from: 'recorded' (read from the reservation) or 'caller' (there was no reservation),
--       5 the items as JSON: [[product id, generation, name, quantity, unit price]...],
--       or as objects where 5eb7839 stored the reservation
-- Reply: { 'fresh', 'released', event id, at } | { 'fresh', 'conflict' }: the reservation has changed since it was read
local reservation, stream = KEYS[1], KEYS[2]
local request, purchase, keptMs, source, items = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local found = redis.call('HMGET', reservation, 'state', 'eventId', 'at', 'items')
local state = found[1]
if state == 'released' then
  -- A repetition writes too: what the first run wrote may never have reached a replica.
  redis.call('HINCRBY', reservation, 'asked', 1)
  redis.call('PEXPIRE', reservation, keptMs)
  return { 'fresh', 'released', found[2], found[3] }
end
if state == 'reserved' and (source ~= 'recorded' or items ~= found[4]) then return { 'fresh', 'conflict' } end
if not state and source ~= 'caller' then return { 'fresh', 'conflict' } end

if state == 'reserved' or not state then
  for i, item in ipairs(cjson.decode(items)) do
    local product, generation, quantity = KEYS[i + 2], item[2] or item.incarnation, item[4] or item.quantity
    local found = redis.call('HMGET', product, 'generation', 'incarnation') -- the older name: see keys.ts
    -- A recreated product is a different product and gets no stock back.
    if (found[1] or found[2]) == generation then
      redis.call('HINCRBY', product, 'stock', int(quantity))
      redis.call('HINCRBY', product, 'returned', int(quantity))
      redis.call('HINCRBY', product, found[1] and 'version' or 'rev', 1)
      redis.call('HSET', product, 'updatedAt', now)
    end
  end
end

local eventId = emit(stream, 'product.released', request, cjson.encode({ purchaseId = purchase }))
redis.call('HSET', reservation, 'state', 'released', 'eventId', eventId, 'at', now)
redis.call('HDEL', reservation, 'items')
redis.call('PEXPIRE', reservation, keptMs)
return { 'fresh', 'released', eventId, now }
