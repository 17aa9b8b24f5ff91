-- Exchanges a refresh token. The present generation moves the sign-in on and leaves the sealed answer for a while; a used one gets that
-- answer while it is there, and afterwards ends the sign-in; so does one that comes after the sign-in's latest end. Without a record: repeated, it finds what it left.
-- KEYS: 1 event stream, 2 user, 3 sign-ins, 4 sealed answer to this token, 5 trace of an ending
-- ARGV: 1 request id, 2 user id, 3 session id, 4 the token's generation, 5 role in the sealed answer, 6 sealed answer,
--       7 how long it is kept (ms), 8 how long a sign-in lasts without a refresh (ms), 9 when it ends at the latest (ms since 1970)
-- Reply: { 'fresh', 'exchanged', sealed answer } | { 'fresh', 'ended' } | { 'fresh', 'conflict' }
local stream, user, sessions, successor, ending = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local request, id, session, generation = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local role, sealed, keptMs = ARGV[5], ARGV[6], ARGV[7]
local lastEnd = tonumber(ARGV[9])
local ends = int(math.min(tonumber(now) + tonumber(ARGV[8]), lastEnd))

local held = redis.call('HGET', sessions, session)
local present, heldEnds = string.match(held or '0:0', '^(%d+):(%d+)')
present = tonumber(present)
local roleNow = redis.call('HGET', user, 'role')
-- A generation that was never reached: written but not acknowledged before a failover, so nobody was given it. Nothing to end.
if not held or not roleNow or tonumber(heldEnds) <= tonumber(now) or generation > present then
  redis.call('SET', ending, now, 'PX', 60000)
  return { 'fresh', 'ended' }
end

local kept = redis.call('GET', successor)
if kept then
  redis.call('HSET', sessions, session, held)
  return { 'fresh', 'exchanged', kept }
end
if generation < present or lastEnd <= tonumber(now) then
  redis.call('HDEL', sessions, session)
  redis.call('SET', ending, now, 'PX', 60000)
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = { session } }))
  return { 'fresh', 'ended' }
end
if roleNow ~= role then return { 'fresh', 'conflict' } end

-- Older sign-ins were stored without last use and user agent.
local userAgent = string.match(held, '^%d+:%d+:%d+:(.*)$') or ''
redis.call('HSET', sessions, session, int(present + 1) .. ':' .. ends .. ':' .. now .. ':' .. userAgent)
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'NX')
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'GT')
redis.call('SET', successor, sealed, 'PX', keptMs)
return { 'fresh', 'exchanged', sealed }
