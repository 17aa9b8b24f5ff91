-- Changes a user that is as it was read.
-- KEYS: record, stream, user, admins
-- ARGV: fingerprint, nonce, lifetime, request, id, readVersion (the version that was read, '' no user was), tags (see is_wanted),
--       first, last, role, updated, nextVersion, sealed (the answer), ownSession (the caller's sign-in if the user is the caller, else '')
-- Reply: saved (sealed) | last-admin | missing | conflict: the user is not as it was read, read again | stale: not what If-Match names

local before = find_reply(record, fingerprint, nonce)
if before then return before end
local found = redis.call('HMGET', user, 'version', 'role')
local version, oldRole = found[1], found[2]
if not version then return { 'fresh', 'missing' } end
if not is_wanted(tags, version) then return { 'fresh', 'stale' } end
if version ~= readVersion then return { 'fresh', 'conflict' } end
if oldRole == 'admin' and role ~= 'admin' and redis.call('SCARD', admins) <= 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'last-admin' })
end

redis.call('HSET', user, 'firstName', first, 'lastName', last, 'role', role, 'updatedAtMs', updated, 'version', nextVersion)
if role ~= oldRole then
  redis.call(role == 'admin' and 'SADD' or 'SREM', admins, id)
  if role ~= 'admin' then mark_revoked(record, 'forbidden', ownSession) end
  emit(stream, 'user.role-changed', request, cjson.encode({ userId = id, role = role }))
end
return store_reply(record, fingerprint, nonce, lifetime, { 'saved', sealed })
