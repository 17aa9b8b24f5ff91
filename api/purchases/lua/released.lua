-- Notes that products has the stock of a cancelled purchase back, once.
-- KEYS: 1 purchase, 2 owed index
-- ARGV: 1 id, 2 history entry of product.released
-- Reply: { 'fresh', 'released' }; { 'fresh', 'missing' }
local purchase, owed = KEYS[1], KEYS[2]
local id, released = ARGV[1], ARGV[2]

local state = redis.call('HMGET', purchase, 'status', 'releaseOwed', 'history')
if not state[1] then return { 'fresh', 'missing' } end
if state[1] == 'cancelled' and state[2] == '1' then
  redis.call('HSET', purchase, 'history', state[3] .. ',' .. released)
  redis.call('HDEL', purchase, 'releaseOwed')
else
  redis.call('HSET', purchase, 'status', state[1]) -- changes nothing, but gives WAIT a write that comes after what is answered
end
redis.call('ZREM', owed, id)
return { 'fresh', 'released' }
