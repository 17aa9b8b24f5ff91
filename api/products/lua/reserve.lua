-- Takes all items of a purchase from stock, or none. The first answer under the purchase's id is the only one.
-- KEYS: reservation, stream, ...products (each once)
-- ARGV: request, purchase, reservedMs (how long a reservation is kept), refusedMs (how long a refusal is kept),
--       ...quantities (product id and quantity of each product)
-- Reply: reserved (eventId, at, items) | sold-out (short) | unknown-product (places) | released
--   items: JSON [[product id, generation, name, quantity, unit price]...]; short: JSON [[place, available]...]; places: JSON [place...].
--   A place is the position of the product in the list, from 0: a purchase always asks for the same products in the same order.

local function answer(state, event_id, at, items)
  redis.call('PEXPIRE', reservation, (state == 'reserved' or state == 'released') and reservedMs or refusedMs)
  if state == 'released' then return { 'fresh', 'released' } end
  if state == 'reserved' then return { 'fresh', 'reserved', event_id, at, items } end
  return { 'fresh', state, items }
end

-- A repetition writes too: what the first run wrote may never have reached a replica.
local found = redis.call('HMGET', reservation, 'state', 'eventId', 'at', 'items')
if found[1] then
  redis.call('HINCRBY', reservation, 'asked', 1)
  return answer(unpack(found))
end

local unknown, short, reserved, changes = {}, {}, {}, {}
-- The product id and quantity of the product KEYS[i].
local function wanted(i)
  local at = quantitiesFrom + 2 * (i - productsFrom)
  return ARGV[at], ARGV[at + 1]
end

for i = productsFrom, #KEYS do
  local place, id, quantity = i - productsFrom, wanted(i)
  local product = redis.call('HMGET', KEYS[i], 'generation', 'stock', 'name', 'priceMinor', 'incarnation', 'sold', 'version', 'rev')
  local generation = product[1] or product[5] -- the older names: see keys.ts
  if not generation then
    unknown[#unknown + 1] = place
  elseif tonumber(product[2]) < tonumber(quantity) then
    short[#short + 1] = { place, tonumber(product[2]) }
  else
    changes[i] = {
      'stock', int(product[2] - quantity),
      'sold', int((product[6] or 0) + quantity),
      product[1] and 'version' or 'rev', int(((product[1] and product[7] or product[8]) or 0) + 1),
      'updatedAt', now,
    }
    reserved[#reserved + 1] = { id, generation, product[3], tonumber(quantity), tonumber(product[4]) }
  end
end

-- Refusals are kept as well: of two replicas that carry the same purchase forward, both must get the same answer.
if #unknown > 0 or #short > 0 then
  local state = #unknown > 0 and 'unknown-product' or 'sold-out'
  local items = cjson.encode(#unknown > 0 and unknown or short)
  redis.call('HSET', reservation, 'state', state, 'items', items)
  return answer(state, nil, nil, items)
end

-- One command for each product, with values instead of increments: nothing changes between reading and writing in a script, and each command
-- is executed by every replica and written to every append-only file.
for i = productsFrom, #KEYS do redis.call('HSET', KEYS[i], unpack(changes[i])) end
-- Without the items: the purchase lists them.
local event = emit(stream, 'product.reserved', request, cjson.encode({ purchaseId = purchase }))
local items = cjson.encode(reserved)
redis.call('HSET', reservation, 'state', 'reserved', 'items', items, 'at', now, 'eventId', event)
return answer('reserved', event, now, items)
