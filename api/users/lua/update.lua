-- Changes a user that is as it was read. What the caller found to be stale is only said once it is known to be no repetition.
-- KEYS: 1 idempotency record, 2 event stream, 3 user, 4 admins
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 user id, 6 version that was read ('' if none was), 7 'ok' | 'stale',
--       8 first name, 9 last name, 10 role, 11 updated at, 12 new version, 13 the answer, sealed, 14 the caller's own sign-in if this is their own user, else ''
-- Reply: { status, 'saved', sealed answer } | { status, 'last-admin' } | { 'fresh', 'missing' } | { 'fresh', 'conflict' } | { 'fresh', 'stale' }
local record, stream, user, admins = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, version, condition = ARGV[5], ARGV[6], ARGV[7]
local first, last, role, updated, nextVersion, sealed = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]

local before = find_reply(record, fingerprint, nonce)
if before then return before end
local held = redis.call('HMGET', user, 'version', 'role')
if not held[1] then return { 'fresh', 'missing' } end
if held[1] ~= version then return { 'fresh', 'conflict' } end
if condition == 'stale' then return { 'fresh', 'stale' } end
if held[2] == 'admin' and role ~= 'admin' and redis.call('SCARD', admins) <= 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'last-admin' })
end

redis.call('HSET', user, 'firstName', first, 'lastName', last, 'role', role, 'updatedAtMs', updated, 'version', nextVersion)
if role ~= held[2] then
  redis.call(role == 'admin' and 'SADD' or 'SREM', admins, id)
  if role ~= 'admin' then mark_revoked(record, 'forbidden', ARGV[14]) end
  emit(stream, 'user.role-changed', request, cjson.encode({ userId = id, role = role }))
end
return store_reply(record, fingerprint, nonce, lifetime, { 'saved', sealed })
