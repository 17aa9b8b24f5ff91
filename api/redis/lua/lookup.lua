-- The reply stored under an idempotency key, if any: asked where the present state alone would refuse a repetition.
-- KEYS: 1 idempotency record, 2 event stream (not touched)
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (not used), 4 request id (not used),
--       5 `<problem>:<session>` where the caller is refused unless this very reply revoked their right ('' or absent: any reply)
-- Reply: that of the script that left the record | { 'fresh', 'no-record' }
local record, revoked = KEYS[1], ARGV[5] or ''
if revoked ~= '' and redis.call('HGET', record, 'revoked') ~= revoked then return { 'fresh', 'no-record' } end
return find_reply(record, ARGV[1], ARGV[2]) or { 'fresh', 'no-record' }
