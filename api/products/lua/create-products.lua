-- Makes several products, each under an idempotency record of its own: what save.lua does for one after the other, in fewer commands.
-- KEYS: stream, ...keys (for each product its record and its own key; then the indexes)
-- ARGV: fingerprint, nonce, lifetime, request, count (of the products),
--       ...values (for each product: id, doc, name, price, documentVersion, stock, at; then for each index: how many entries, and for each
--       the place of its product in the list, from 1, and its member)
-- Reply: made (replies): JSON, for each product what save.lua replies: created, exists or reused

local replies, isCreated = {}, {}
local position = valuesFrom
for place = 1, tonumber(count) do
  local record, product = KEYS[keysFrom + 2 * place - 2], KEYS[keysFrom + 2 * place - 1]
  local reply = find_reply(record, fingerprint, nonce)
  if not reply then
    local found = redis.call('HMGET', product, 'documentVersion', 'edition') -- the older name: see keys.ts
    if found[1] or found[2] then
      reply = { 'exists' }
    else
      local id, at, documentVersion = ARGV[position], ARGV[position + 6], ARGV[position + 4]
      store_product(product, unpack(ARGV, position, position + 6))
      isCreated[tostring(place)] = true
      reply = { 'created', id, at, documentVersion }
    end
    store_reply(record, fingerprint, nonce, lifetime, reply)
  end
  replies[place] = reply
  position = position + 7
end

-- In slices: Lua's stack holds some 8,000 values.
local mostScored = 2000
for i = keysFrom + 2 * count, #KEYS do
  local scored = {}
  for _ = 1, tonumber(ARGV[position]) do
    if isCreated[ARGV[position + 1]] then
      scored[#scored + 1] = 0
      scored[#scored + 1] = ARGV[position + 2]
      if #scored == mostScored then
        redis.call('ZADD', KEYS[i], unpack(scored))
        scored = {}
      end
    end
    position = position + 2
  end
  position = position + 1
  if #scored > 0 then redis.call('ZADD', KEYS[i], unpack(scored)) end
end
return { 'fresh', 'made', cjson.encode(replies) }
