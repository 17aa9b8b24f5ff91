-- Checks price and stock of products and returns the value by which each is sorted. Read-only.
-- KEYS: ...products
-- ARGV: field (by what the list is sorted: 'name', 'price', 'createdAt', or '': not needed), lowest, highest (prices, minor units),
--       stock ('in-stock' for those in stock only, or '')
-- Reply: micros (of CPU time), ...values (for each product its name, price or time; '' when not needed; false where it does not exist or does not
--        match)
local lowestPrice, highestPrice, inStock = tonumber(lowest), tonumber(highest), stock == 'in-stock'
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
for i = productsFrom, #KEYS do
  local found = redis.call('HMGET', KEYS[i], 'priceMinor', 'stock', field == 'createdAt' and 'doc' or 'name')
  local price, left, text = tonumber(found[1]), tonumber(found[2]), found[3]
  local matches = price and left and text and price >= lowestPrice and price <= highestPrice and (left > 0 or not inStock)
  if not matches then
    reply[2 + i - productsFrom] = false
  elseif field == 'price' then
    reply[2 + i - productsFrom] = found[1]
  elseif field == 'createdAt' then
    reply[2 + i - productsFrom] = createdAt(text)
  else
    reply[2 + i - productsFrom] = field == 'name' and text or ''
  end
end
reply[1] = clock() - began
return reply
