-- Makes several products, each under an idempotency record of its own: what save.lua does for one after the other, in fewer commands.
-- KEYS: stream, wordStart, vocabulary, lastNumber, idsStart (the word index, see keys.ts), ...keys (for each product its record and its own key; then the indexes)
-- ARGV: fingerprint, nonce, lifetime, request, count (of the products),
--       ...values (for each product: id, doc, name, price, documentVersion, stock, at; then for each index: how many entries, and for each
--       the place of its product in the list, from 1, and its member; then for each product how many words it has, and these)
-- Reply: made (replies): JSON, for each product what save.lua replies: created, exists or reused

-- By the place of a product that was made: its number.
local replies, numbers = {}, {}
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
      local number = give_number(id)
      store_product(product, number, unpack(ARGV, position, position + 6))
      numbers[tostring(place)] = number
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
    if numbers[ARGV[position + 1]] then
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

for place = 1, tonumber(count) do
  local number, last = numbers[tostring(place)], position + tonumber(ARGV[position])
  if number then
    for i = position + 1, last do note_word(ARGV[i], number) end
  end
  position = last + 1
end
add_words()
return { 'fresh', 'made', cjson.encode(replies) }
