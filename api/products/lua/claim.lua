-- Binds the key of a batch to its body and to an id, under which each of its products has an idempotency record of its own.
-- KEYS: 1 idempotency record, 2 event stream (not touched)
-- ARGV: 1 fingerprint, 2 nonce, 3 now, 4 request id, 5 id for the batch if this is the first time
-- Reply: { how, 'claimed', id }     (how: see prelude.lua)
local record, fingerprint, nonce, id = KEYS[1], ARGV[1], ARGV[2], ARGV[5]
return seen(record, fingerprint, nonce) or remember(record, fingerprint, nonce, { 'claimed', id })
