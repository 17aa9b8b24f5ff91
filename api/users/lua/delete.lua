-- Deletes a user with its sign-ins. What stays is the id in events and records; answers that records hold were sealed with a key that
-- goes with the user.
-- KEYS: record, stream, user, address, list, admins, sessions, known (addresses)
-- ARGV: fingerprint, nonce, lifetime, request, id, readVersion (the version that was read, '' no user was), tags (see is_wanted),
--       session (the sign-in that must be active, '' none), ownSession (the caller's sign-in if the user is the caller, else '')
-- Reply: deleted | last-admin | ended: the sign-in `session` has ended | missing | conflict: the user is not as it was read, read again
--      | stale: not what If-Match names

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if session ~= '' and redis.call('HEXISTS', sessions, session) == 0 then return { 'fresh', 'ended' } end
local found = redis.call('HMGET', user, 'version', 'role')
local version, role = found[1], found[2]
if not version then return { 'fresh', 'missing' } end
if not is_wanted(tags, version) then return { 'fresh', 'stale' } end
if version ~= readVersion then return { 'fresh', 'conflict' } end
if role == 'admin' and redis.call('SCARD', admins) <= 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'last-admin' })
end

redis.call('DEL', user, address, sessions, known)
redis.call('ZREM', list, id)
redis.call('SREM', admins, id)
mark_revoked(record, 'session-ended', ownSession)
emit(stream, 'user.deleted', request, cjson.encode({ userId = id }))
return store_reply(record, fingerprint, nonce, lifetime, { 'deleted' })
