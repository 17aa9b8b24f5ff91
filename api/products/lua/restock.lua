-- Adds to a product's stock, or takes from it.
-- KEYS: 1 idempotency record, 2 event stream, 3 product
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 product id, 6 delta, 7 the most that may be in stock, 8 the version that must be there ('' any)
-- Reply: { status, 'restocked', doc, stock, updated at, version, generation } | { status, 'short', stock }
--      | { 'fresh', 'missing' } | { 'fresh', 'full', stock } | { 'fresh', 'conflict' }     (status: see prelude.lua)
local record, stream, product = KEYS[1], KEYS[2], KEYS[3]
local fingerprint, nonce, lifetime, request, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local delta, most, wantedVersion = ARGV[6], ARGV[7], ARGV[8]

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local found = redis.call('HMGET', product, 'doc', 'stock', 'version', 'generation', 'rev', 'incarnation')
local version, generation = found[3] or found[5], found[4] or found[6] -- the older names: see keys.ts
if not found[1] then return { 'fresh', 'missing' } end
if wantedVersion ~= '' and version ~= wantedVersion then return { 'fresh', 'conflict' } end
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
