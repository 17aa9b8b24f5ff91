-- Checks price and stock of products and tells by what each is sorted. Read-only.
-- KEYS: the products
-- ARGV: 1 by what the list is sorted: 'name', 'price', 'createdAt', or '' (not needed),
--       2 lowest price, 3 highest price (minor units), 4 'in-stock' for those in stock only or ''
-- Reply: microseconds, then for each product its name, price or time ('' when not needed); false where it does not exist or does not match
local field, lowest, highest, inStock = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == 'in-stock'
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local began = clock()

-- The time is the document's last field: the end of it is enough, and much cheaper to read than the whole.
local function createdAt(doc)
  return string.match(string.sub(doc, -40), '"createdAt":(%d+)}$') or string.format('%.0f', cjson.decode(doc).createdAt)
end

local reply = {}
for i = 1, #KEYS do
  local found = redis.call('HMGET', KEYS[i], 'priceMinor', 'stock', field == 'createdAt' and 'doc' or 'name')
  local price, stock, text = tonumber(found[1]), tonumber(found[2]), found[3]
  local matches = price and stock and text and price >= lowest and price <= highest and (stock > 0 or not inStock)
  if not matches then
    reply[i + 1] = false
  elseif field == 'price' then
    reply[i + 1] = found[1]
  elseif field == 'createdAt' then
    reply[i + 1] = createdAt(text)
  else
    reply[i + 1] = field == 'name' and text or ''
  end
end
reply[1] = clock() - began
return reply
