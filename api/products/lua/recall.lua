-- What was answered under an idempotency key before, if anything: asked where the present state alone would say "no" to a repetition.
-- KEYS: 1 idempotency record, 2 event stream (not touched)
-- ARGV: 1 fingerprint, 2 nonce
-- Reply: that of the script that left the record | { 'fresh', 'nothing' }
return seen(KEYS[1], ARGV[1], ARGV[2]) or { 'fresh', 'nothing' }
