-- Begins a sign-in, if the password is still the one that was compared. Without a record: repeated, it writes the same sign-in again.
-- KEYS: stream, user, sessions, known (addresses)
-- ARGV: request, id (of the user), session, hash (that was compared), mostSessions, userAgent,
--       idleMs (how long a sign-in lasts without a refresh), maxMs (how long at most), adminMaxMs (the same for an admin),
--       addressHash (keyed hash of the caller's address), knownMs (how long an address is known), mostKnown (addresses)
-- Reply: begun (role) | conflict: the password has changed since it was compared

local most = tonumber(mostSessions)
local found = redis.call('HMGET', user, 'passwordHash', 'role')
local role = found[2]
if found[1] ~= hash then return { 'fresh', 'conflict' } end
local ends = int(tonumber(now) + math.min(tonumber(idleMs), tonumber(role == 'admin' and adminMaxMs or maxMs)))

-- Reads all of them only when there are too many: removes those that have expired, else ends those that began first. An id is a UUIDv7: the
-- order of ids is that of beginning.
if redis.call('HEXISTS', sessions, session) == 0 and redis.call('HLEN', sessions) >= most then
  local live, gone = {}, {}
  local all = redis.call('HGETALL', sessions) -- `most` of them; more where an older version allowed more
  for i = 1, #all, 2 do
    local otherEnds = tonumber(string.match(all[i + 1], '^%d+:(%d+)'))
    if otherEnds <= tonumber(now) then table.insert(gone, all[i])
    else table.insert(live, all[i]) end
  end
  local ended = {}
  table.sort(live)
  for i = 1, #live - most + 1 do table.insert(ended, live[i]) end
  if #gone > 0 then redis.call('HDEL', sessions, unpack(gone)) end
  if #ended > 0 then
    redis.call('HDEL', sessions, unpack(ended))
    emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
  end
end

redis.call('HSET', sessions, session, '1:' .. ends .. '::' .. userAgent)
-- The key ends a day after the last sign-in: a shorter one must not end the others.
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'NX')
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'GT')

redis.call('ZADD', known, now, addressHash)
redis.call('ZREMRANGEBYSCORE', known, '-inf', int(tonumber(now) - tonumber(knownMs)))
redis.call('ZREMRANGEBYRANK', known, 0, -tonumber(mostKnown) - 1)
redis.call('PEXPIRE', known, knownMs)
return { 'fresh', 'begun', role }
