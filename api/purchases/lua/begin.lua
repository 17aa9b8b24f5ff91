-- Begins a purchase: binds the caller's Idempotency-Key to its id, writes it as pending.
-- KEYS: record, stream, purchase, pending, allPending, ownPending
-- ARGV: fingerprint, nonce, lifetime, request, id, owner, requested (JSON), currency, created (data of purchase.created, JSON)
-- Reply: begun (id): the id of the first that came under this key

local before = find_reply(record, fingerprint, nonce)
if before then return before end

local event = emit(stream, 'purchase.created', request, created)
redis.call('HSET', purchase, 'userId', owner, 'status', 'pending', 'version', '1', 'currency', currency, 'requested', requested,
  'history', 'c' .. now .. ':' .. event)
redis.call('ZADD', pending, now, id)
redis.call('ZADD', allPending, 0, id)
redis.call('ZADD', ownPending, 0, id)
return store_reply(record, fingerprint, nonce, lifetime, { 'begun', id })
