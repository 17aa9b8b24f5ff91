-- Reads a purchase in a way that a failover cannot undo: it writes a field again unchanged, and the acknowledgement of that write covers all before it.
-- KEYS: purchase
-- Reply: unchanged (...fields) | missing
--   fields: field, value, ... of the purchase as it is

local status = redis.call('HGET', purchase, 'status')
if not status then return { 'fresh', 'missing' } end
write_again(status)
return with_purchase({ 'fresh', 'unchanged' })
