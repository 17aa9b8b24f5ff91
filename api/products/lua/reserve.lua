-- Takes all items of a purchase from stock, or none. The first answer under the purchase's id is the only one.
-- KEYS: reservation, stream, ...products (each once)
-- ARGV: request, purchase, reservedMs (how long a reservation is kept), refusedMs (how long a refusal is kept),
--       ...quantities (product id and quantity of each product)
-- Reply: reserved (eventId, at, items) | sold-out (short) | unknown-product (places) | released
--   items: JSON [[product id, generation, name, quantity, unit price]...]; short: JSON [[place, available]...]; places: JSON [place...].
--   A place is the position of the product in the list, from 0: a purchase always asks for the same products in the same order.

local function answer()
  local found = redis.call('HMGET', reservation, 'state', 'eventId', 'at', 'items')
  redis.call('PEXPIRE', reservation, (found[1] == 'reserved' or found[1] == 'released') and reservedMs or refusedMs)
  if found[1] == 'released' then return { 'fresh', 'released' } end
  if found[1] == 'reserved' then return { 'fresh', 'reserved', found[2], found[3], found[4] } end
  return { 'fresh', found[1], found[4] }
end

-- A repetition writes too: what the first run wrote may never have reached a replica.
if redis.call('EXISTS', reservation) == 1 then
  redis.call('HINCRBY', reservation, 'asked', 1)
  return answer()
end

local unknown, short, reserved, version_fields = {}, {}, {}, {}
-- The product id and quantity of the product KEYS[i].
local function wanted(i)
  local at = quantitiesFrom + 2 * (i - productsFrom)
  return ARGV[at], ARGV[at + 1]
end

for i = productsFrom, #KEYS do
  local place, id, quantity = i - productsFrom, wanted(i)
  local product = redis.call('HMGET', KEYS[i], 'generation', 'stock', 'name', 'priceMinor', 'incarnation')
  local generation = product[1] or product[5] -- the older name: see keys.ts
  if not generation then
    unknown[#unknown + 1] = place
  elseif tonumber(product[2]) < tonumber(quantity) then
    short[#short + 1] = { place, tonumber(product[2]) }
  else
    version_fields[i] = product[1] and 'version' or 'rev'
    reserved[#reserved + 1] = { id, generation, product[3], tonumber(quantity), tonumber(product[4]) }
  end
end

-- Refusals are kept as well: of two replicas that carry the same purchase forward, both must get the same answer.
if #unknown > 0 then
  redis.call('HSET', reservation, 'state', 'unknown-product', 'items', cjson.encode(unknown))
  return answer()
end
if #short > 0 then
  redis.call('HSET', reservation, 'state', 'sold-out', 'items', cjson.encode(short))
  return answer()
end

for i = productsFrom, #KEYS do
  local _, quantity = wanted(i)
  redis.call('HINCRBY', KEYS[i], 'stock', '-' .. quantity)
  redis.call('HINCRBY', KEYS[i], 'sold', quantity)
  redis.call('HINCRBY', KEYS[i], version_fields[i], 1)
  redis.call('HSET', KEYS[i], 'updatedAt', now)
end
-- Without the items: the purchase lists them.
local event = emit(stream, 'product.reserved', request, cjson.encode({ purchaseId = purchase }))
redis.call('HSET', reservation, 'state', 'reserved', 'items', cjson.encode(reserved), 'at', now, 'eventId', event)
return answer()
