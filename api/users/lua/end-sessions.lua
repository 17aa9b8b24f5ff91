-- Ends sign-ins of a user: one, all but one, or all.
-- KEYS: record, stream, user, sessions, callerSessions
-- ARGV: fingerprint, nonce, lifetime, request, id, which ('one', 'others' or 'all'), named (the sign-in that ends: 'one', or stays: 'others'),
--       ownSession (the caller's sign-in, which must not have ended), tags (see is_wanted), tag (of the list as it was read, '' if it has none),
--       listed (the sign-ins of that list between commas: ',a,b,'; '' if it was not read)
-- Reply: ended | stale: If-Match names another tag, or a sign-in has begun since the list was read | missing: no such user or sign-in | signed-out: the caller's sign-in has ended

local before = find_reply(record, fingerprint, nonce)
if before then return before end
if redis.call('HEXISTS', callerSessions, ownSession) == 0 then return { 'fresh', 'signed-out' } end
if redis.call('EXISTS', user) == 0 then return { 'fresh', 'missing' } end

local ended = {}
if which == 'one' then
  if redis.call('HEXISTS', sessions, named) == 0 then return { 'fresh', 'missing' } end
  ended = { named }
end
if tags ~= '*' and (tag == '' or not is_wanted(tags, tag)) then return { 'fresh', 'stale' } end
if which ~= 'one' then
  for _, session in ipairs(redis.call('HKEYS', sessions)) do -- at most maxSessions of keys.ts
    if which == 'all' or session ~= named then
      if listed ~= '' and not string.find(listed, ',' .. session .. ',', 1, true) then
        local ends = tonumber(string.match(redis.call('HGET', sessions, session), '^%d+:(%d+)'))
        if ends > tonumber(now) then return { 'fresh', 'stale' } end -- one that has expired is not listed
      end
      table.insert(ended, session)
    end
  end
end
if #ended > 0 then
  redis.call('HDEL', sessions, unpack(ended))
  if redis.call('HEXISTS', callerSessions, ownSession) == 0 then mark_revoked(record, 'session-ended', ownSession) end
  emit(stream, 'session.ended', request, cjson.encode({ userId = id, sessionIds = ended }))
end
return store_reply(record, fingerprint, nonce, lifetime, { 'ended' })
