-- Reads a purchase so that what is read cannot be lost any more: it writes what is there, and the acknowledgement covers all before.
-- KEYS: purchase
-- Reply: unchanged (...fields) | missing
--   fields: field, value, ... of the purchase as it is

local status = redis.call('HGET', purchase, 'status')
if not status then return { 'fresh', 'missing' } end
write_again(status)
return with_purchase({ 'fresh', 'unchanged' })
