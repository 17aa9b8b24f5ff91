-- Exchanges a refresh token. A token of the present generation begins the next generation and stores the sealed answer. A used token gets that
-- answer for a while; afterwards it ends the sign-in, as does a token that comes after the sign-in's latest end. There is no record: a
-- repetition finds what the first run stored. The script uses the shop's time, not this node's: a node whose clock is an hour ahead must not
-- end sign-ins when it becomes master.
-- KEYS: stream, user, sessions, rotations (sealed answers: a hash), rotationEnds (the times until which they are given: a sorted set),
--       revocation (the trace that a revocation leaves), oldRotation (the sealed answer to this token as 5eb7839 stored it)
-- ARGV: request, id (of the user), session, tokenGeneration, role (in the sealed answer), sealed (the answer if this is the first exchange),
--       unansweredMs (how long it is given again; an answered request shortens that: refresh-answered.lua),
--       idleMs (how long a sign-in lasts without a refresh), lastEndMs (when it ends at the latest, ms since 1970), shopTimeMs (ms since 1970),
--       marginMs (how much longer a sealed answer is stored than it is given), unusedMs (when the answers end if no other refresh follows)
-- Reply: exchanged (sealed) | ended | conflict: the role has changed since the sealed answer was made

local generation, lastEnd, shopTime = tonumber(tokenGeneration), tonumber(lastEndMs), tonumber(shopTimeMs)
local ends = int(math.min(shopTime + tonumber(idleMs), lastEnd))
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
if not stored then stored, givenUntil = redis.call('GET', oldRotation), shopTime end
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
-- Deletes up to ten for each one that is added, so that the answers of a busy minute are deleted soon.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', rotationEnds, '-inf', int(shopTime - tonumber(marginMs)), 'LIMIT', 0, 10)) do
  redis.call('HDEL', rotations, gone)
  redis.call('ZREM', rotationEnds, gone)
end
redis.call('HSET', rotations, rotation, sealed)
redis.call('ZADD', rotationEnds, int(shopTime + tonumber(unansweredMs)), rotation)
redis.call('PEXPIRE', rotations, unusedMs)
redis.call('PEXPIRE', rotationEnds, unusedMs)
return { 'fresh', 'exchanged', sealed }
