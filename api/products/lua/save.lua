-- Makes, changes or deletes a product together with its entries in the indexes. The caller computed them from the document that it read.
-- KEYS: record, stream, product, wordStart, vocabulary, lastNumber, idsStart, olderWords (the word index, see keys.ts),
--       ...indexes (that change)
-- ARGV: fingerprint, nonce, lifetime, request, id, readDocument (the documentVersion that was read, '' there was no product),
--       tags (see is_wanted), doc ('' delete the product), name, price (minor units), documentVersion (the new one), stock (of a new product),
--       at, ...members (of the words, then of each index: how many to remove, these, how many to add, these)
-- Reply: created (id, at, generation) | updated (doc, stock, at, version, generation) | deleted | exists
--      | conflict: the product is not as it was read, read again | stale: not what If-Match names

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local found = redis.call('HMGET', product, 'documentVersion', 'version', 'generation', 'edition', 'rev', 'incarnation', 'stock', 'number')
local there, version, generation, inStock = found[1] or found[4], found[2] or found[5], found[3] or found[6], found[7]
if readDocument == '' and there then return store_reply(record, fingerprint, nonce, lifetime, { 'exists' }) end
if readDocument ~= '' and not there then return { 'fresh', 'conflict' } end
if there and not is_wanted(tags, (version or '') .. '-' .. (generation or '')) then return { 'fresh', 'stale' } end
if readDocument ~= '' and there ~= readDocument then return { 'fresh', 'conflict' } end

-- Takes the next list of ARGV: its length, then its members.
local position = membersFrom
local function nextList()
  local first = position + 1
  position = first + tonumber(ARGV[position])
  return first, position - 1
end

local number = found[8] or (doc ~= '' and give_number(id))
local first, last = nextList()
local hasOlderWords = there and redis.call('EXISTS', olderWords) == 1
for i = first, last do
  if number then remove_from_word(ARGV[i], number) end
  if hasOlderWords then redis.call('ZREM', olderWords, ARGV[i] .. '\0' .. id) end
end
first, last = nextList()
for i = first, last do note_word(ARGV[i], number) end
add_words()

-- In slices: Lua's stack holds some 8,000 values.
local slice = 1000
for i = indexesFrom, #KEYS do
  first, last = nextList()
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

if doc == '' then
  redis.call('DEL', product)
  if number then take_number(number) end
  emit(stream, 'product.deleted', request, cjson.encode({ productId = id, generation = generation, stock = tonumber(inStock) }))
  return store_reply(record, fingerprint, nonce, lifetime, { 'deleted' })
end
if not there then
  store_product(product, number, id, doc, name, price, documentVersion, stock, at)
  return store_reply(record, fingerprint, nonce, lifetime, { 'created', id, at, documentVersion })
end

local nextVersion = int(tonumber(version or '0') + 1)
redis.call('HSET', product, 'number', number, 'doc', doc, 'name', name, 'priceMinor', price, 'documentVersion', documentVersion, 'updatedAt', at,
  'version', nextVersion, 'generation', generation)
redis.call('HDEL', product, 'edition', 'rev', 'incarnation') -- the older names: see keys.ts
-- Events contain ids and numbers only.
local data = { productId = id, generation = generation, stock = tonumber(inStock), priceMinor = tonumber(price) }
emit(stream, 'product.updated', request, cjson.encode(data))
return store_reply(record, fingerprint, nonce, lifetime, { 'updated', doc, inStock, at, nextVersion, generation })
