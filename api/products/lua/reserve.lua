-- Takes all items of a purchase from stock, or none. The first answer under the purchase's id is the only one.
-- KEYS: 1 reservation, 2 event stream, 3... the products, each once
-- ARGV: 1 request id, 2 purchase id, 3 how long the record is kept (ms), 4... product id and quantity of each product
-- Reply: { 'fresh', 'reserved', event id, at, <items> } | { 'fresh', 'sold-out', <items> } | { 'fresh', 'unknown-product', <ids> }
--      | { 'fresh', 'released' }     (<...> is JSON)
local reservation, stream = KEYS[1], KEYS[2]
local request, purchase, keptMs = ARGV[1], ARGV[2], ARGV[3]

local function answer()
  local found = redis.call('HMGET', reservation, 'state', 'eventId', 'at', 'items')
  if found[1] == 'released' then return { 'fresh', 'released' } end
  if found[1] == 'reserved' then return { 'fresh', 'reserved', found[2], found[3], found[4] } end
  return { 'fresh', found[1], found[4] }
end

-- A repetition writes too: what the first run wrote may never have reached a replica.
if redis.call('EXISTS', reservation) == 1 then
  redis.call('HINCRBY', reservation, 'asked', 1)
  redis.call('PEXPIRE', reservation, keptMs)
  return answer()
end

-- Refusals are kept as well: of two who carry the same purchase forward, neither may hear something else than the other.
local function keep(state, items, eventId)
  redis.call('HSET', reservation, 'state', state, 'items', items, 'at', now, 'eventId', eventId or '')
  redis.call('PEXPIRE', reservation, keptMs)
  return answer()
end

local unknown, short, reserved, moved = {}, {}, {}, {}
for i = 3, #KEYS do
  local id, quantity = ARGV[2 * i - 2], ARGV[2 * i - 1]
  local product = redis.call('HMGET', KEYS[i], 'incarnation', 'stock', 'name', 'priceMinor')
  if not product[1] then
    unknown[#unknown + 1] = id
  elseif tonumber(product[2]) < tonumber(quantity) then
    short[#short + 1] = { productId = id, requested = tonumber(quantity), available = tonumber(product[2]) }
  else
    reserved[#reserved + 1] = {
      productId = id, incarnation = product[1], name = product[3],
      quantity = tonumber(quantity), unitPriceMinor = tonumber(product[4]),
    }
    moved[#moved + 1] = { productId = id, quantity = tonumber(quantity) }
  end
end
if #unknown > 0 then return keep('unknown-product', cjson.encode(unknown)) end
if #short > 0 then return keep('sold-out', cjson.encode(short)) end

for i = 3, #KEYS do
  local quantity = ARGV[2 * i - 1]
  redis.call('HINCRBY', KEYS[i], 'stock', '-' .. quantity)
  redis.call('HINCRBY', KEYS[i], 'sold', quantity)
  redis.call('HINCRBY', KEYS[i], 'rev', 1)
  redis.call('HSET', KEYS[i], 'updatedAt', now)
end
local event = cjson.encode({ purchaseId = purchase, items = moved })
return keep('reserved', cjson.encode(reserved), emit(stream, 'product.reserved', request, event))
