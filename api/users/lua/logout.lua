-- Ends a sign-in. Without a record: repeated, it finds none, and says the same.
-- KEYS: 1 event stream, 2 sign-ins, 3 trace of a revocation
-- ARGV: 1 request id, 2 user id, 3 session id
-- Reply: { 'fresh', 'ended' }
local stream, sessions, revocation = KEYS[1], KEYS[2], KEYS[3]
local request, id, session = ARGV[1], ARGV[2], ARGV[3]

redis.call('SET', revocation, now, 'PX', 60000)
if redis.call('HDEL', sessions, session) == 1 then
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = { session } }))
end
return { 'fresh', 'ended' }
