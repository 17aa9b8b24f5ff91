-- Deletes a failed purchase that is due, with its entries in the lists.
-- KEYS: purchase, ending (index of purchases that end by themselves), allFailed, ownFailed
-- ARGV: id
-- Reply: deleted | unchanged: it is not due by Redis' own clock, or deleted already

local due = redis.call('ZSCORE', ending, id)
if not due or tonumber(due) > tonumber(now) then return { 'fresh', 'unchanged' } end

redis.call('DEL', purchase)
redis.call('ZREM', allFailed, id)
redis.call('ZREM', ownFailed, id)
redis.call('ZREM', ending, id)
return { 'fresh', 'deleted' }
