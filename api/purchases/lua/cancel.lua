-- Cancels a purchase and notes that products has to release its stock. A cancelled one stays as it is: nothing changes it any more, so the
-- reply's result is enough to remember and every repetition finds the same purchase.
-- KEYS: 1 idempotency record, 2 event stream, 3 purchase, 4 pending index, 5 release-pending index,
--       6 all pending, 7 all completed, 8 all cancelled, 9 owner's pending, 10 owner's completed, 11 owner's cancelled (lists)
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 id,
--       6 versions that may be changed: '*' or ',1,2,', 7 who cancels it, 8 data of purchase.cancelled (JSON)
-- Reply: { status, 'cancelled' or 'unchanged' or 'failed', field, value, ... }: the purchase as it is now; { 'fresh', 'missing' }, { 'fresh', 'stale' },
--   { 'fresh', 'old-format' } (see rewrite.lua)
local record, stream, purchase, pending, releases = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, versions, by, cancelled = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local function with_purchase(reply)
  for _, text in ipairs(redis.call('HGETALL', purchase)) do table.insert(reply, text) end
  return reply
end

local before = find_reply(record, fingerprint, nonce)
if before then return before[1] == 'reused' and before or with_purchase(before) end

local state = redis.call('HMGET', purchase, 'status', 'version', 'history', 'userId')
local status, version, history, owner = state[1], state[2], state[3], state[4]
if not status then return { 'fresh', 'missing' } end
if versions ~= '*' and not string.find(versions, ',' .. version .. ',', 1, true) then return { 'fresh', 'stale' } end
if status == 'failed' then return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'failed' })) end
if status == 'cancelled' then return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'unchanged' })) end
if not history then return { 'fresh', 'old-format' } end

local event = emit(stream, 'purchase.cancelled', request, cancelled)
redis.call('HSET', purchase, 'status', 'cancelled', 'releasePending', '1', 'history', history .. ',x' .. now .. ':' .. event)
if by ~= owner then redis.call('HSET', purchase, 'cancelledBy', by) end
redis.call('HINCRBY', purchase, 'version', 1)
redis.call('ZREM', pending, id)
redis.call('ZADD', releases, now, id)
for _, list in ipairs({ 6, 7, 9, 10 }) do redis.call('ZREM', KEYS[list], id) end
for _, list in ipairs({ 8, 11 }) do redis.call('ZADD', KEYS[list], 0, id) end
return with_purchase(store_reply(record, fingerprint, nonce, lifetime, { 'cancelled' }))
