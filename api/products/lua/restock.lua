-- Adds to a product's stock, or takes from it.
-- KEYS: record, stream, product
-- ARGV: fingerprint, nonce, lifetime, request, id, delta, most (that may be in stock), tags (see is_wanted)
-- Reply: restocked (doc, stock, at, version, generation) | short (stock) | full (stock) | missing | stale: not what If-Match names

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local found = redis.call('HMGET', product, 'doc', 'stock', 'version', 'generation', 'rev', 'incarnation')
local version, generation = found[3] or found[5], found[4] or found[6] -- the older names: see keys.ts
if not found[1] then return { 'fresh', 'missing' } end
if not is_wanted(tags, (version or '') .. '-' .. (generation or '')) then return { 'fresh', 'stale' } end
local stock = tonumber(found[2]) + tonumber(delta)
if stock < 0 then return store_reply(record, fingerprint, nonce, lifetime, { 'short', found[2] }) end
if tonumber(delta) > 0 and stock > tonumber(most) then return { 'fresh', 'full', found[2] } end

redis.call('HINCRBY', product, 'stock', delta)
redis.call('HINCRBY', product, 'restocked', delta)
redis.call('HSET', product, 'updatedAt', now)
local nextVersion = int(redis.call('HINCRBY', product, found[3] and 'version' or 'rev', 1))
local data = cjson.encode({ productId = id, generation = generation, delta = tonumber(delta), stock = stock })
emit(stream, 'product.restocked', request, data)
return store_reply(record, fingerprint, nonce, lifetime, { 'restocked', found[1], int(stock), now, nextVersion, generation })
