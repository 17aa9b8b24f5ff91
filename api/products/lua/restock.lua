-- Adds to a product's stock, or takes from it.
-- KEYS: 1 idempotency record, 2 event stream, 3 product
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 product id, 6 delta, 7 the most that may be in stock, 8 the rev that must be there ('' any)
-- Reply: { status, 'restocked', doc, stock, updated at, rev, incarnation } | { status, 'short', stock }
--      | { 'fresh', 'missing' } | { 'fresh', 'full', stock } | { 'fresh', 'conflict' }     (status: see prelude.lua)
local record, stream, product = KEYS[1], KEYS[2], KEYS[3]
local fingerprint, nonce, lifetime, request, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local delta, most, wantedRev = ARGV[6], ARGV[7], ARGV[8]

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local found = redis.call('HMGET', product, 'doc', 'stock', 'rev', 'incarnation')
if not found[1] then return { 'fresh', 'missing' } end
if wantedRev ~= '' and found[3] ~= wantedRev then return { 'fresh', 'conflict' } end
local stock = tonumber(found[2]) + tonumber(delta)
if stock < 0 then return store_reply(record, fingerprint, nonce, lifetime, { 'short', found[2] }) end
if tonumber(delta) > 0 and stock > tonumber(most) then return { 'fresh', 'full', found[2] } end

redis.call('HINCRBY', product, 'stock', delta)
redis.call('HINCRBY', product, 'restocked', delta)
redis.call('HSET', product, 'updatedAt', now)
local rev = int(redis.call('HINCRBY', product, 'rev', 1))
local data = cjson.encode({ productId = id, incarnation = found[4], delta = tonumber(delta), stock = stock })
emit(stream, 'product.restocked', request, data, EVENT_LONG_MS)
return store_reply(record, fingerprint, nonce, lifetime, { 'restocked', found[1], int(stock), now, rev, found[4] })
