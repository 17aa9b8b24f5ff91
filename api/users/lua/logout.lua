-- Ends a sign-in. Without a record: repeated, it finds none, and replies the same.
-- KEYS: stream, sessions, revocation (the trace that a revocation leaves)
-- ARGV: request, id (of the user), session
-- Reply: ended

redis.call('SET', revocation, now, 'PX', 60000)
if redis.call('HDEL', sessions, session) == 1 then
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = { session } }))
end
return { 'fresh', 'ended' }
