-- Reads a purchase so that what is read cannot be lost any more: it writes what is there, and the acknowledgement covers all before.
-- KEYS: 1 purchase
-- Reply: { 'fresh', 'unchanged', field, value, ... }: the purchase as it is; { 'fresh', 'missing' }
local purchase = KEYS[1]

local status = redis.call('HGET', purchase, 'status')
if not status then return { 'fresh', 'missing' } end
redis.call('HSET', purchase, 'status', status)
return { 'fresh', 'unchanged', unpack(redis.call('HGETALL', purchase)) }
