-- Records once that products has taken back the stock of a cancelled purchase.
-- KEYS: purchase, releases (index of what is release-pending), oldReleases (the same index of an earlier release: keys.ts)
-- ARGV: id, released (history entry of product.released)
-- Reply: released | missing | old-format: see rewrite.lua

local state = redis.call('HMGET', purchase, 'status', 'releasePending', 'history')
if not state[1] then return { 'fresh', 'missing' } end
if not state[3] then return { 'fresh', 'old-format' } end
if state[1] == 'cancelled' and state[2] == '1' then
  redis.call('HSET', purchase, 'history', state[3] .. ',' .. released)
  redis.call('HDEL', purchase, 'releasePending')
else
  write_again(state[1])
end
redis.call('ZREM', releases, id)
redis.call('ZREM', oldReleases, id)
return { 'fresh', 'released' }
