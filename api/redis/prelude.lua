-- Stands before every script: the time, idempotency records and events, so that state, event and answer are one atomic step.
--
-- An idempotency record is a hash { fingerprint, nonce, reply, replays, revoked }. `nonce` identifies the attempt that made it: when
-- our own retry after a lost acknowledgement finds the record, that is no replay to the client.
-- A script's reply is { status, result, field... }. `status` is 'fresh', 'replayed', or 'reused' (alone: the key came with another body).

-- The time of this run in ms since 1970, as text. It is this node's clock, so that a service whose clock is wrong writes no wrong time.
-- Redis replicates what a script writes, not the script, so replicas get the same value.
-- https://redis.io/docs/latest/develop/programmability/eval-intro/#script-replication
local time = redis.call('TIME')
local now = time[1] .. string.sub(string.format('%06d', tonumber(time[2])), 1, 3)

-- The reply of the first run under this record, or nil. It writes when it finds one: WAIT only covers the connection's own last
-- write, and what the first run wrote may not have reached a replica.
local function find_reply(record, fingerprint, nonce)
  local found = redis.call('HMGET', record, 'fingerprint', 'nonce', 'reply')
  if not found[1] then return nil end
  redis.call('HINCRBY', record, 'replays', 1)
  if found[1] ~= fingerprint then return { 'reused' } end
  local reply = cjson.decode(found[3])
  reply[1] = found[2] == nonce and 'fresh' or 'replayed'
  return reply
end

-- Stores a reply (a list of strings: result, field...) under the record for `lifetime` ms, and returns it.
local function store_reply(record, fingerprint, nonce, lifetime, reply)
  table.insert(reply, 1, 'fresh')
  redis.call('HSET', record, 'fingerprint', fingerprint, 'nonce', nonce, 'reply', cjson.encode(reply))
  redis.call('PEXPIRE', record, lifetime)
  return reply
end

-- Notes that the reply under the record took a right from its own caller: from now on `session` (a sign-in's id) is refused with `problem`.
-- Such a caller may still have this reply again (see lookup.lua). An empty `session` notes nothing.
local function mark_revoked(record, problem, session)
  if session ~= '' then redis.call('HSET', record, 'revoked', problem .. ':' .. session) end
end

-- Whether If-Match allows a change of what has this entity tag now. `tags`: '*' (any), or the wanted ones between commas: ',1,2,'.
local function is_wanted(tags, tag)
  return tags == '*' or string.find(tags, ',' .. tag .. ',', 1, true) ~= nil
end

-- An integer as Redis should store it: Lua would write 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

-- How long events are kept, in ms. Readers of `users` go back 66 minutes (api/http/sessions.ts). The other streams are bounded by what a
-- customer may buy in that time: a reader that was away longer reads the state instead.
local USERS_EVENT_MS = 4200000
local EVENT_MS = 600000

-- Appends an event and returns its id. `data` is JSON.
local function emit(stream, type, request, data)
  local keptMs = stream == '{users}:events' and USERS_EVENT_MS or EVENT_MS
  local oldest = int(tonumber(now) - keptMs)
  return redis.call('XADD', stream, 'MINID', '~', oldest, '*', 'type', type, 'at', now, 'request', request, 'data', data)
end
