-- Ends sign-ins of a user: one, all but one, or all.
-- KEYS: 1 idempotency record, 2 event stream, 3 user, 4 sign-ins of the user, 5 sign-ins of the caller
-- ARGV: 1 fingerprint, 2 nonce, 3 lifetime of the record (ms), 4 request id, 5 user id, 6 'one' | 'others' | 'all',
--       7 the sign-in that ends ('one') or stays ('others'), 8 the caller's sign-in, which must not have ended
-- Reply: { status, 'ended' } | { 'fresh', 'missing' | 'signed-out' }
local record, stream, user, sessions, callers = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local fingerprint, nonce, lifetime, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local id, which, named, own = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if redis.call('HEXISTS', callers, own) == 0 then return { 'fresh', 'signed-out' } end
if redis.call('EXISTS', user) == 0 then return { 'fresh', 'missing' } end

local ended = {}
if which == 'one' then
  if redis.call('HEXISTS', sessions, named) == 0 then return { 'fresh', 'missing' } end
  ended = { named }
else
  for _, session in ipairs(redis.call('HKEYS', sessions)) do -- at most maxSessions of keys.ts
    if which == 'all' or session ~= named then table.insert(ended, session) end
  end
end
if #ended > 0 then
  redis.call('HDEL', sessions, unpack(ended))
  if redis.call('HEXISTS', callers, own) == 0 then mark_revoked(record, 'session-ended', own) end
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
end
return store_reply(record, fingerprint, nonce, lifetime, { 'ended' })
