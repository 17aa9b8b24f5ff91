-- Rewrites a purchase that the release of 2026-11-20 stored (5eb7839) in the present format; any other stays as it is. That release kept the
-- history in a list of its own, named every field of an item, and listed each purchase under 'any' status besides.
-- KEYS: purchase, list (its history), ...lists (of purchases with any status)
-- ARGV: id
-- Reply: rewritten | unchanged

local old = {}
local flat = redis.call('HGETALL', purchase)
for i = 1, #flat, 2 do old[flat[i]] = flat[i + 1] end
if not old.requested or old.history then return { 'fresh', 'unchanged' } end

local places, requested = {}, {}
for i, item in ipairs(cjson.decode(old.requested)) do
  places[item.productId] = i - 1
  requested[i] = { item.productId, item.quantity }
end
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
  store('requested', cjson.encode(requested))
end
if old.failure then
  local failure, refused = cjson.decode(old.failure), {}
  for i, item in ipairs(failure.items) do
    local place = places[item.productId]
    refused[i] = failure.code == 'unknown-product' and place or { place, item.available }
  end
  store('failure', cjson.encode({ failure.code, refused }))
end

local letters = {
  ['purchase.created'] = 'c', ['purchase.completed'] = 'd', ['purchase.failed'] = 'f', ['purchase.cancelled'] = 'x',
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
