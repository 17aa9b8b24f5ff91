-- Cancels a purchase and puts it into the index of those whose stock products has to release. Nothing changes a cancelled purchase any more,
-- so it is enough to store the reply's result: every repetition finds the same purchase.
-- KEYS: record, stream, purchase, pending, releases (index of what is release-pending), allPending, allCompleted, allCancelled, ownPending,
--       ownCompleted, ownCancelled
-- ARGV: fingerprint, nonce, lifetime, request, id, tags (see is_wanted), by (the id of the user),
--       cancelled (data of purchase.cancelled, JSON)
-- Reply: cancelled (...fields) | unchanged (...fields) | failed (...fields) | missing | stale | old-format: see rewrite.lua
--   fields: field, value, ... of the purchase as it is now

local before = find_reply(record, fingerprint, nonce)
if before then return before[1] == 'reused' and before or with_purchase(before) end

local state = redis.call('HMGET', purchase, 'status', 'version', 'history', 'userId')
local status, version, history, owner = state[1], state[2], state[3], state[4]
if not status then return { 'fresh', 'missing' } end
if not is_wanted(tags, version) then return { 'fresh', 'stale' } end
if status == 'failed' then return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'failed' })) end
if status == 'cancelled' then return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'unchanged' })) end
if not history then return { 'fresh', 'old-format' } end

local event = emit(stream, 'purchase.cancelled', request, cancelled)
redis.call('HSET', purchase, 'status', 'cancelled', 'releasePending', '1', 'history', history .. ',x' .. now .. ':' .. event)
if by ~= owner then redis.call('HSET', purchase, 'cancelledBy', by) end
redis.call('HINCRBY', purchase, 'version', 1)
redis.call('ZREM', pending, id)
redis.call('ZADD', releases, now, id)
redis.call('ZREM', allPending, id)
redis.call('ZREM', ownPending, id)
move(allCompleted, allCancelled)
move(ownCompleted, ownCancelled)
return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'cancelled' }))
