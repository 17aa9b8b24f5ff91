-- Stands before every script. Three things that each write needs, so that state, event and answer are one step:
--
-- Idempotency records: a hash { fingerprint, nonce, reply } that lives 24 h. `nonce` is the attempt that made it: the same attempt
-- repeated by us after a lost acknowledgement is no replay to the client.
-- A script's reply is { how, word, field... }; `how` is 'fresh' or 'replayed', or alone 'reused'.

local IDEMPOTENCY_MS = 86400000

-- The reply of the first run under this record, or nil. Writes when it finds one: WAIT only covers the connection's last write,
-- and what the first run wrote may never have reached a replica.
local function seen(record, fingerprint, nonce)
  local found = redis.call('HMGET', record, 'fingerprint', 'nonce', 'reply')
  if not found[1] then return nil end
  redis.call('HINCRBY', record, 'replays', 1)
  if found[1] ~= fingerprint then return { 'reused' } end
  local reply = cjson.decode(found[3])
  reply[1] = found[2] == nonce and 'fresh' or 'replayed'
  return reply
end

-- Keeps a reply (a list of strings) under the record and returns it.
local function remember(record, fingerprint, nonce, reply)
  table.insert(reply, 1, 'fresh')
  redis.call('HSET', record, 'fingerprint', fingerprint, 'nonce', nonce, 'reply', cjson.encode(reply))
  redis.call('PEXPIRE', record, IDEMPOTENCY_MS)
  return reply
end

-- An integer as Redis should store it: Lua would write 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

-- Appends an event and returns its id. `data` is JSON. Entries end after a day: by then they are in the histories.
local function emit(stream, type, now, request, data)
  local oldest = int(tonumber(now) - 86400000)
  return redis.call('XADD', stream, 'MINID', '~', oldest, '*', 'type', type, 'at', now, 'request', request, 'data', data)
end
