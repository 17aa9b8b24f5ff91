-- Deletes a failed purchase whose time has come, with its places in the lists.
-- KEYS: 1 purchase, 2 index of ending purchases, 3 all failed, 4 owner's failed (lists)
-- ARGV: 1 id
-- Reply: { 'fresh', 'deleted' }; { 'fresh', 'unchanged' }: it is not due by Redis' own clock, or gone already
local purchase, ending, id = KEYS[1], KEYS[2], ARGV[1]

local due = redis.call('ZSCORE', ending, id)
if not due or tonumber(due) > tonumber(now) then return { 'fresh', 'unchanged' } end

redis.call('DEL', purchase)
for list = 3, 4 do redis.call('ZREM', KEYS[list], id) end
redis.call('ZREM', ending, id)
return { 'fresh', 'deleted' }
