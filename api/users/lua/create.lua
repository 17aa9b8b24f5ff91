-- Makes a user, unless the address is taken.
-- KEYS: record, stream, user, address, list, admins
-- ARGV: fingerprint, nonce, lifetime, request, id, role, hash (of the password), ...fields (field, value, ... of the user)
-- Reply: created (id, hash) | taken (hash)
--   hash: the slow hash of the first request under this key, with which a repetition's password is compared

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if redis.call('EXISTS', address) == 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'taken', hash })
end

redis.call('HSET', user, unpack(ARGV, fieldsFrom))
redis.call('SET', address, id)
redis.call('ZADD', list, 0, id)
if role == 'admin' then redis.call('SADD', admins, id) end
emit(stream, 'user.created', request, cjson.encode({ userId = id, role = role }))
return store_reply(record, fingerprint, nonce, lifetime, { 'created', id, hash })
