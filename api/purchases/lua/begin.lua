-- Begins a purchase: binds the caller's Idempotency-Key to its id, writes it as pending.
-- KEYS: 1 idempotency record, 2 event stream, 3 purchase, 4 history, 5 pending index,
--       6 all any, 7 all pending, 8 owner's any, 9 owner's pending (lists)
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 id, 6 owner, 7 requested (JSON), 8 currency, 9 data of purchase.created (JSON)
-- Reply: { status, 'begun', id }, the id of the first that came under this key
local record, stream, purchase, history, pending = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, owner, requested, currency, created = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local before = find_reply(record, fingerprint, nonce)
if before then return before end

redis.call('HSET', purchase, 'id', id, 'userId', owner, 'status', 'pending', 'requested', requested, 'currency', currency,
  'createdAt', now, 'updatedAt', now, 'version', '1')
redis.call('ZADD', pending, now, id)
for list = 6, 9 do redis.call('ZADD', KEYS[list], 0, id) end
local event = emit(stream, 'purchase.created', request, created)
redis.call('RPUSH', history, '{"id":"purchases:' .. event .. '","type":"purchase.created","at":' .. now .. ',"data":' .. created .. '}')
return store_reply(record, fingerprint, nonce, lifetime, { 'begun', id })
