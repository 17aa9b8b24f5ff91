-- Begins a purchase: binds the caller's Idempotency-Key to its id, writes it as pending.
-- KEYS: 1 idempotency record, 2 event stream, 3 purchase, 4 pending index,
--       5 all pending, 6 owner's pending (lists)
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 id, 6 owner, 7 requested (JSON), 8 currency,
--       9 data of purchase.created (JSON)
-- Reply: { status, 'begun', id }, the id of the first that came under this key
local record, stream, purchase, pending = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, owner, requested, currency, created = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local event = emit(stream, 'purchase.created', request, created)
redis.call('HSET', purchase, 'userId', owner, 'status', 'pending', 'version', '1', 'currency', currency, 'requested', requested,
  'history', 'c' .. now .. ':' .. event)
redis.call('ZADD', pending, now, id)
for list = 5, 6 do redis.call('ZADD', KEYS[list], 0, id) end
return store_reply(record, fingerprint, nonce, lifetime, { 'begun', id })
