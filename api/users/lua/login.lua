-- Begins a sign-in, if the password is still the one that was compared. Without a record: repeated, it writes the same sign-in again.
-- KEYS: 1 event stream, 2 user, 3 sign-ins, 4 known addresses
-- ARGV: 1 request id, 2 user id, 3 session id, 4 hash that was compared, 5 how many sign-ins there may be, 6 user agent,
--       7 how long a sign-in lasts without a refresh (ms), 8 how long at most (ms), 9 the same for an admin,
--       10 keyed hash of the caller's address, 11 how long an address is known (ms), 12 how many there may be,
--       13 'quietly': a sign-in that is ended for a new one is not reported, so its access token lives on for the rest of its five minutes; or ''
-- Reply: { 'fresh', 'begun', role } | { 'fresh', 'conflict' }
local stream, user, sessions, known = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local request, id, session, hash, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local userAgent, idleMs, maxMs, adminMaxMs = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local held = redis.call('HMGET', user, 'passwordHash', 'role')
if held[1] ~= hash then return { 'fresh', 'conflict' } end
local ends = int(tonumber(now) + math.min(idleMs, held[2] == 'admin' and adminMaxMs or maxMs))

-- Reads all of them only when there are too many: removes those that have expired, else ends those that would end first.
if redis.call('HEXISTS', sessions, session) == 0 and redis.call('HLEN', sessions) >= most then
  local live, gone = {}, {}
  local all = redis.call('HGETALL', sessions) -- `most` of them; more where an older version allowed more
  for i = 1, #all, 2 do
    local otherEnds = tonumber(string.match(all[i + 1], '^%d+:(%d+)'))
    if otherEnds <= tonumber(now) then table.insert(gone, all[i])
    else table.insert(live, { id = all[i], ends = otherEnds }) end
  end
  local ended = {}
  table.sort(live, function(a, b) return a.ends < b.ends end)
  for i = 1, #live - most + 1 do table.insert(ended, live[i].id) end
  if #gone > 0 then redis.call('HDEL', sessions, unpack(gone)) end
  if #ended > 0 then
    redis.call('HDEL', sessions, unpack(ended))
    if ARGV[13] ~= 'quietly' then
      emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
    end
  end
end

redis.call('HSET', sessions, session, '1:' .. ends .. '::' .. userAgent)
-- The key ends a day after the last sign-in: a shorter one must not take the others with it.
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'NX')
redis.call('PEXPIREAT', sessions, int(tonumber(ends) + 86400000), 'GT')

redis.call('ZADD', known, now, ARGV[10])
redis.call('ZREMRANGEBYSCORE', known, '-inf', int(tonumber(now) - tonumber(ARGV[11])))
redis.call('ZREMRANGEBYRANK', known, 0, -tonumber(ARGV[12]) - 1)
redis.call('PEXPIRE', known, ARGV[11])
return { 'fresh', 'begun', held[2] }
