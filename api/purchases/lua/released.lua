-- Notes that products has the stock of a cancelled purchase back, once.
-- KEYS: 1 purchase, 2 release-pending index, 3 the same index of an earlier release (keys.ts)
-- ARGV: 1 id, 2 history entry of product.released
-- Reply: { 'fresh', 'released' }; { 'fresh', 'missing' }; { 'fresh', 'old-format' } (see rewrite.lua)
local purchase = KEYS[1]
local id, released = ARGV[1], ARGV[2]

local state = redis.call('HMGET', purchase, 'status', 'releasePending', 'history')
if not state[1] then return { 'fresh', 'missing' } end
if not state[3] then return { 'fresh', 'old-format' } end
if state[1] == 'cancelled' and state[2] == '1' then
  redis.call('HSET', purchase, 'history', state[3] .. ',' .. released)
  redis.call('HDEL', purchase, 'releasePending')
else
  redis.call('HSET', purchase, 'status', state[1]) -- changes nothing, but gives WAIT a write that comes after what is answered
end
for index = 2, 3 do redis.call('ZREM', KEYS[index], id) end
return { 'fresh', 'released' }
