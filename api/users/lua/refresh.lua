-- Exchanges a refresh token. The present generation moves the sign-in on and leaves the sealed answer; a used one gets that answer for a
-- while, and afterwards ends the sign-in; so does one that comes after the sign-in's latest end. It has no record: repeated, it finds what
-- it left. It goes by the shop's time and not by this node's: a node whose clock is an hour ahead must not end sign-ins when it becomes master.
-- KEYS: 1 event stream, 2 user, 3 sign-ins, 4 sealed answers (hash), 5 the times until which they are given (sorted set),
--       6 trace of a revocation, 7 the sealed answer to this token as 5eb7839 stored it
-- ARGV: 1 request id, 2 user id, 3 session id, 4 the token's generation, 5 role in the sealed answer, 6 sealed answer,
--       7 how long it is given again (ms), 8 how long a sign-in lasts without a refresh (ms), 9 when it ends at the latest (ms since 1970),
--       10 the shop's time (ms since 1970), 11 how much longer than 7 a sealed answer is stored (ms),
--       12 when the answers end if no other refresh follows (ms)
-- Reply: { 'fresh', 'exchanged', sealed answer } | { 'fresh', 'ended' } | { 'fresh', 'conflict' }
local stream, user, sessions, rotations, rotationEnds, revocation = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local request, id, session, generation = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local role, sealed, graceMs, lastEnd = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[9])
local shopTime, marginMs, unusedMs = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12]
local ends = int(math.min(shopTime + tonumber(ARGV[8]), lastEnd))

local held = redis.call('HGET', sessions, session)
local present, heldEnds = string.match(held or '0:0', '^(%d+):(%d+)')
present = tonumber(present)
local roleNow = redis.call('HGET', user, 'role')
-- A generation that was never reached: written but not acknowledged before a failover, so no client has it. There is nothing to end.
if not held or not roleNow or tonumber(heldEnds) <= shopTime or generation > present then
  redis.call('SET', revocation, now, 'PX', 60000)
  return { 'fresh', 'ended' }
end

local rotation = session .. ':' .. int(generation)
local givenUntil = tonumber(redis.call('ZSCORE', rotationEnds, rotation) or '0')
local stored = redis.call('HGET', rotations, rotation)
if not stored then stored, givenUntil = redis.call('GET', KEYS[7]), shopTime end
if stored and shopTime <= givenUntil then
  redis.call('HSET', sessions, session, held)
  return { 'fresh', 'exchanged', stored }
end
if generation < present or lastEnd <= shopTime then
  redis.call('HDEL', sessions, session)
  redis.call('SET', revocation, now, 'PX', 60000)
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = { session } }))
  return { 'fresh', 'ended' }
end
if roleNow ~= role then return { 'fresh', 'conflict' } end

-- 5eb7839 stored sign-ins without last use and user agent.
local userAgent = string.match(held, '^%d+:%d+:%d*:(.*)$') or ''
redis.call('HSET', sessions, session, int(present + 1) .. ':' .. ends .. ':' .. int(shopTime) .. ':' .. userAgent)
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'NX')
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'GT')
-- Two out for each one in, and more: what is left over from a busy minute goes soon.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', rotationEnds, '-inf', int(shopTime - marginMs), 'LIMIT', 0, 10)) do
  redis.call('HDEL', rotations, gone)
  redis.call('ZREM', rotationEnds, gone)
end
redis.call('HSET', rotations, rotation, sealed)
redis.call('ZADD', rotationEnds, int(shopTime + graceMs), rotation)
for key = 4, 5 do redis.call('PEXPIRE', KEYS[key], unusedMs) end
return { 'fresh', 'exchanged', sealed }
