-- Makes, changes or deletes a product together with its entries in the indexes. The caller computed them from the document that it read.
-- KEYS: 1 idempotency record, 2 event stream, 3 product, 4... the indexes that change
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 product id,
--       6 the documentVersion that was read ('' there was no product), 7 the version that must be there ('' any),
--       8 the new document ('' delete the product), 9 name, 10 price in minor units, 11 new documentVersion, 12 stock (of a new product),
--       13 updated at, 14... for each index: how many members to remove, these, how many to add, these
-- Reply: { status, 'created', id, updated at, generation } | { status, 'updated', doc, stock, updated at, version, generation }
--      | { status, 'deleted' } | { status, 'exists' } | { 'fresh', 'conflict' }: the product is not as it was read, read again   (status: see prelude.lua)
local record, stream, product = KEYS[1], KEYS[2], KEYS[3]
local fingerprint, nonce, lifetime, request, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local readDocument, wantedVersion, doc, name, price, documentVersion, stock, at =
  ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local found = redis.call('HMGET', product, 'documentVersion', 'version', 'generation', 'edition', 'rev', 'incarnation', 'stock')
local there, version, generation, inStock = found[1] or found[4], found[2] or found[5], found[3] or found[6], found[7]
if readDocument == '' and there then return store_reply(record, fingerprint, nonce, lifetime, { 'exists' }) end
if readDocument ~= '' and there ~= readDocument then return { 'fresh', 'conflict' } end
if wantedVersion ~= '' and version ~= wantedVersion then return { 'fresh', 'conflict' } end

-- Takes the next list of ARGV: its length, then its members.
local position = 14
local function nextList()
  local first = position + 1
  position = first + tonumber(ARGV[position])
  return first, position - 1
end

-- In slices: Lua's stack holds some 8,000 values.
local slice = 1000
for i = 4, #KEYS do
  local first, last = nextList()
  for from = first, last, slice do
    redis.call('ZREM', KEYS[i], unpack(ARGV, from, math.min(from + slice - 1, last)))
  end
  first, last = nextList()
  for from = first, last, slice do
    local scored = {}
    for member = from, math.min(from + slice - 1, last) do
      scored[#scored + 1] = 0
      scored[#scored + 1] = ARGV[member]
    end
    redis.call('ZADD', KEYS[i], unpack(scored))
  end
end

-- Events tell ids and numbers.
local function tell(type, ofGeneration, units)
  local data = { productId = id, generation = ofGeneration, stock = tonumber(units) }
  if doc ~= '' then data.priceMinor = tonumber(price) end
  emit(stream, type, request, cjson.encode(data))
end

if doc == '' then
  redis.call('DEL', product)
  tell('product.deleted', generation, inStock)
  return store_reply(record, fingerprint, nonce, lifetime, { 'deleted' })
end

local nextVersion = int(tonumber(version or '0') + 1)
redis.call('HSET', product, 'doc', doc, 'name', name, 'priceMinor', price, 'documentVersion', documentVersion, 'updatedAt', at,
  'version', nextVersion, 'generation', generation or documentVersion)
if there then
  redis.call('HDEL', product, 'edition', 'rev', 'incarnation') -- the older names: see keys.ts
  tell('product.updated', generation, inStock)
  return store_reply(record, fingerprint, nonce, lifetime, { 'updated', doc, inStock, at, nextVersion, generation })
end
redis.call('HSET', product, 'stock', stock, 'initial', stock, 'restocked', 0, 'sold', 0, 'returned', 0)
tell('product.created', documentVersion, stock)
return store_reply(record, fingerprint, nonce, lifetime, { 'created', id, at, documentVersion })
