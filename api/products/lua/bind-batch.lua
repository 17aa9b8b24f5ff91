-- Binds the key of a batch to its body and to an id, under which each of its products has an idempotency record of its own.
-- KEYS: 1 idempotency record, 2 event stream (not touched)
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 id for the batch if this is the first time
-- Reply: { status, 'bound', id }     (status: see prelude.lua)
local record, fingerprint, nonce, lifetime, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[5]
return find_reply(record, fingerprint, nonce) or store_reply(record, fingerprint, nonce, lifetime, { 'bound', id })
