-- Rewrites a purchase that the release of 2026-11-20 stored (5eb7839) in the present format; any other stays as it is, and so does one that
-- failed: it has no next step. That release kept the history in a list of its own, named every field of an item, and listed each purchase
-- under 'any' status besides.
-- KEYS: purchase, list (its history), ...lists (of purchases with any status)
-- ARGV: id
-- Reply: rewritten | unchanged

local old = {}
local flat = redis.call('HGETALL', purchase)
for i = 1, #flat, 2 do old[flat[i]] = flat[i + 1] end
if not old.requested or old.history or old.failure then return { 'fresh', 'unchanged' } end

local fields = { 'userId', old.userId, 'status', old.status, 'version', old.version, 'currency', old.currency }
local function store(name, text)
  fields[#fields + 1] = name
  fields[#fields + 1] = text
end

if old.items then
  local items = {}
  for i, item in ipairs(cjson.decode(old.items)) do
    items[i] = { item.productId, item.incarnation, item.name, item.quantity, item.unitPriceMinor }
  end
  store('items', cjson.encode(items))
else
  local requested = {}
  for i, item in ipairs(cjson.decode(old.requested)) do requested[i] = { item.productId, item.quantity } end
  store('requested', cjson.encode(requested))
end

local letters = {
  ['purchase.created'] = 'c', ['purchase.completed'] = 'd', ['purchase.cancelled'] = 'x',
  ['product.reserved'] = 'r', ['product.released'] = 'b',
}
local history = {}
for i, text in ipairs(redis.call('LRANGE', list, 0, -1)) do
  local event = cjson.decode(text)
  history[i] = letters[event.type] .. int(event.at) .. ':' .. string.match(event.id, ':(.*)$')
  if event.type == 'purchase.cancelled' and event.data.by ~= old.userId then store('cancelledBy', event.data.by) end
end
store('history', table.concat(history, ','))
if old.releaseOwed == '1' then store('releasePending', '1') end

redis.call('DEL', purchase, list)
redis.call('HSET', purchase, unpack(fields))
for index = listsFrom, #KEYS do redis.call('ZREM', KEYS[index], id) end
return { 'fresh', 'rewritten' }
