-- Sets a new password and ends every other sign-in. The caller has compared the present one with the hash that it read.
-- KEYS: record, stream, user, sessions
-- ARGV: fingerprint, nonce, lifetime, request, id, readVersion (the version that was read, '' no user was), tags (see is_wanted),
--       hash (that was read), verdict ('ok', 'wrong': the present password, or 'weak': the new one), newHash, session (the sign-in that stays)
-- Reply: set (oldHash, newHash) | missing | conflict: the user is not as it was read, read again | stale: not what If-Match names
--      | wrong | weak
--   oldHash, newHash: the slow hashes with which a repetition's passwords are compared

local before = find_reply(record, fingerprint, nonce)
if before then return before end
local found = redis.call('HMGET', user, 'version', 'passwordHash')
local version, presentHash = found[1], found[2]
if not version then return { 'fresh', 'missing' } end
if not is_wanted(tags, version) then return { 'fresh', 'stale' } end
if version ~= readVersion or presentHash ~= hash then return { 'fresh', 'conflict' } end
if verdict == 'wrong' or verdict == 'weak' then return { 'fresh', verdict } end

redis.call('HSET', user, 'passwordHash', newHash)
local ended = {}
for _, each in ipairs(redis.call('HKEYS', sessions)) do -- at most maxSessions of keys.ts
  if each ~= session then table.insert(ended, each) end
end
if #ended > 0 then
  redis.call('HDEL', sessions, unpack(ended))
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
end
emit(stream, 'user.password-changed', request, cjson.encode({ userId = id }))
return store_reply(record, fingerprint, nonce, lifetime, { 'set', hash, newHash })
