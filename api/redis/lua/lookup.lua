-- The reply stored under an idempotency key, if any: asked where the present state alone would refuse a repetition.
-- KEYS: record, stream (not touched)
-- ARGV: fingerprint, nonce, lifetime (not used), request (not used),
--       revoked (`<problem>:<session>` where the caller is refused unless this very reply revoked their right; '' any reply)
-- Reply: no-record, or that of the script that left the record
if revoked ~= '' and redis.call('HGET', record, 'revoked') ~= revoked then return { 'fresh', 'no-record' } end
return find_reply(record, fingerprint, nonce) or { 'fresh', 'no-record' }
