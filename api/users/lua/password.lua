-- Sets a new password and ends every other sign-in. The caller has compared the present one with the hash that it read.
-- KEYS: 1 idempotency record, 2 event stream, 3 user, 4 sign-ins
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 user id, 6 version that was read ('' if none was),
--       7 hash that was read,
--       8 'ok' | 'stale' | 'wrong' | 'weak', 9 new hash, 10 the sign-in that stays
-- Reply: { status, 'set', old hash, new hash } | { 'fresh', 'missing' | 'conflict' | 'stale' | 'wrong' | 'weak' }; by the slow hashes a
-- repetition's passwords are compared
local record, stream, user, sessions = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, version, hash, verdict, newHash, own = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local before = find_reply(record, fingerprint, nonce)
if before then return before end
local held = redis.call('HMGET', user, 'version', 'passwordHash')
if not held[1] then return { 'fresh', 'missing' } end
if held[1] ~= version or held[2] ~= hash then return { 'fresh', 'conflict' } end
if verdict ~= 'ok' then return { 'fresh', verdict } end

redis.call('HSET', user, 'passwordHash', newHash)
local ended = {}
for _, session in ipairs(redis.call('HKEYS', sessions)) do -- at most maxSessions of keys.ts
  if session ~= own then table.insert(ended, session) end
end
if #ended > 0 then
  redis.call('HDEL', sessions, unpack(ended))
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
end
emit(stream, 'user.password-changed', request, cjson.encode({ userId = id }))
return store_reply(record, fingerprint, nonce, lifetime, { 'set', hash, newHash })
