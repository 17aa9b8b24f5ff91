-- Makes a user, unless the address is taken.
-- KEYS: 1 idempotency record, 2 event stream, 3 user, 4 address, 5 list, 6 admins
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 user id, 6 role, 7 hash of the password,
--       8... fields and values of the user
-- Reply: { status, 'created', id, hash } | { status, 'taken', hash }; by the slow hash a repetition's password is compared
local record, stream, user, address, list, admins = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, role, hash = ARGV[5], ARGV[6], ARGV[7]

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if redis.call('EXISTS', address) == 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'taken', hash })
end

redis.call('HSET', user, unpack(ARGV, 8))
redis.call('SET', address, id)
redis.call('ZADD', list, 0, id)
if role == 'admin' then redis.call('SADD', admins, id) end
emit(stream, 'user.created', request, cjson.encode({ userId = id, role = role }))
return store_reply(record, fingerprint, nonce, lifetime, { 'created', id, hash })
