-- What several scripts of purchases share; stands before them and uses their keys and arguments (scripts.ts).

-- The reply with the purchase as it is now: field, value, ... at its end.
local function with_purchase(reply)
  for _, text in ipairs(redis.call('HGETALL', purchase)) do table.insert(reply, text) end
  return reply
end

-- Changes nothing, but gives WAIT a write that comes after what is answered.
local function write_again(status)
  redis.call('HSET', purchase, 'status', status)
end

-- Moves the purchase from the first of these lists to the second.
local function move(from, to)
  redis.call('ZREM', from, id)
  redis.call('ZADD', to, 0, id)
end

-- Ends a purchase that is pending; one in any other state stays as it is, because the first end is the only one.
-- `write(history, event, version)` writes what this end brings, the next version included. Returns the script's reply.
local function end_pending(type, data, write)
  local state = redis.call('HMGET', purchase, 'status', 'history', 'version')
  local status, history, version = state[1], state[2], state[3]
  if not status then return { 'fresh', 'missing' } end
  if status ~= 'pending' then
    write_again(status)
    return with_purchase({ 'fresh', 'unchanged' })
  end
  if not history then return { 'fresh', 'old-format' } end
  write(history, now .. ':' .. emit(stream, type, request, data), int(version + 1))
  redis.call('ZREM', pending, id)
  return with_purchase({ 'fresh', 'applied' })
end
