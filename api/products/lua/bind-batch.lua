-- Binds the key of a batch to its body and to an id, under which each of its products has an idempotency record of its own.
-- KEYS: record, stream (not touched)
-- ARGV: fingerprint, nonce, lifetime, request, id (for the batch, if this is the first time)
-- Reply: bound (id)
return find_reply(record, fingerprint, nonce) or store_reply(record, fingerprint, nonce, lifetime, { 'bound', id })
