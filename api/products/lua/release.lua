-- Gives back what a purchase reserved, exactly once, and leaves a tombstone that stops a reservation that comes late.
-- KEYS: reservation, stream, ...products (of the items, in their order)
-- ARGV: request, purchase, keptMs (how long the tombstone is kept),
--       source (of the items: 'recorded', read from the reservation, or 'caller', there was no reservation),
--       items (JSON [[product id, generation, name, quantity, unit price]...], or objects where 5eb7839 stored the reservation)
-- Reply: released (eventId, at) | conflict: the reservation has changed since it was read

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
    local product, generation, quantity = KEYS[productsFrom + i - 1], item[2] or item.incarnation, item[4] or item.quantity
    local found = redis.call('HMGET', product, 'generation', 'incarnation', 'sold', 'returned') -- the second is the older name: see keys.ts
    -- Without a record the caller may say anything, but no product comes back that was not sold.
    if source == 'caller' then quantity = math.min(quantity, tonumber(found[3] or 0) - tonumber(found[4] or 0)) end
    -- A recreated product is a different product and gets no stock back.
    if (found[1] or found[2]) == generation and quantity > 0 then
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
