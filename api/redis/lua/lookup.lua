-- The reply stored under an idempotency key, if any: asked where the present state alone would refuse a repetition.
-- KEYS: 1 idempotency record, 2 event stream (not touched)
-- ARGV: 1 fingerprint, 2 nonce
-- Reply: that of the script that left the record | { 'fresh', 'no-record' }
return find_reply(KEYS[1], ARGV[1], ARGV[2]) or { 'fresh', 'no-record' }
