-- Notes that products has the stock of a cancelled purchase back, once.
-- KEYS: 1 purchase, 2 history, 3 owed index
-- ARGV: 1 id, 2 event product.released (JSON, whole)
-- Reply: { 'fresh', 'released' }; { 'fresh', 'missing' }
local purchase, history, owed = KEYS[1], KEYS[2], KEYS[3]
local id, released = ARGV[1], ARGV[2]

local state = redis.call('HMGET', purchase, 'status', 'releaseOwed')
if not state[1] then return { 'fresh', 'missing' } end
if state[1] == 'cancelled' and state[2] == '1' then redis.call('RPUSH', history, released) end
redis.call('HSET', purchase, 'releaseOwed', '0')
redis.call('ZREM', owed, id)
return { 'fresh', 'released' }
