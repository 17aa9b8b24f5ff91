-- Deletes a user with its sign-ins. What stays is the id in events and records; answers that records hold were sealed with a key that
-- goes with the user.
-- KEYS: 1 idempotency record, 2 event stream, 3 user, 4 address, 5 list, 6 admins, 7 sign-ins, 8 known addresses
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 user id, 6 version that was read ('' if none was), 7 'ok' | 'stale',
--       8 the sign-in that must still go on ('' if none need), 9 the caller's own sign-in if this is their own user, else ''
-- Reply: { status, 'deleted' } | { status, 'last-admin' } | { 'fresh', 'ended' | 'missing' | 'conflict' | 'stale' }
local record, stream, user, address, list, admins = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local sessions, known = KEYS[7], KEYS[8]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, version, condition, session = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if session ~= '' and redis.call('HEXISTS', sessions, session) == 0 then return { 'fresh', 'ended' } end
local held = redis.call('HMGET', user, 'version', 'role')
if not held[1] then return { 'fresh', 'missing' } end
if held[1] ~= version then return { 'fresh', 'conflict' } end
if condition == 'stale' then return { 'fresh', 'stale' } end
if held[2] == 'admin' and redis.call('SCARD', admins) <= 1 then
  return store_reply(record, fingerprint, nonce, lifetime, { 'last-admin' })
end

redis.call('DEL', user, address, sessions, known)
redis.call('ZREM', list, id)
redis.call('SREM', admins, id)
mark_revoked(record, 'session-ended', ARGV[9])
emit(stream, 'user.deleted', request, cjson.encode({ userId = id }))
return store_reply(record, fingerprint, nonce, lifetime, { 'deleted' })
