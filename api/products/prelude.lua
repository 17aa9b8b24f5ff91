-- What save.lua and create-products.lua share; stands before them and uses their keys and arguments (scripts.ts).

-- Stores a new product, without its entries in the indexes, and its event.
local function store_product(key, id, doc, name, price, documentVersion, stock, at)
  redis.call('HSET', key, 'doc', doc, 'name', name, 'priceMinor', price, 'documentVersion', documentVersion, 'updatedAt', at, 'version', 1,
    'generation', documentVersion, 'stock', stock, 'initial', stock, 'restocked', 0, 'sold', 0, 'returned', 0)
  local data = { productId = id, generation = documentVersion, stock = tonumber(stock), priceMinor = tonumber(price) }
  emit(stream, 'product.created', request, cjson.encode(data))
end
