-- What save.lua, create-products.lua and move-older-words.lua share; stands before them and uses their keys and arguments (scripts.ts).

-- Stores a new product, without its entries in the indexes, and its event.
local function store_product(key, number, id, doc, name, price, documentVersion, stock, at)
  redis.call('HSET', key, 'number', number, 'doc', doc, 'name', name, 'priceMinor', price, 'documentVersion', documentVersion, 'updatedAt', at,
    'version', 1, 'generation', documentVersion, 'stock', stock, 'initial', stock, 'restocked', 0, 'sold', 0, 'returned', 0)
  local data = { productId = id, generation = documentVersion, stock = tonumber(stock), priceMinor = tonumber(price) }
  emit(stream, 'product.created', request, cjson.encode(data))
end

-- The hash that has the id of the product with this number.
local function ids_key(number) return idsStart .. int(math.floor(tonumber(number) / 64)) end

-- Gives a product the number by which the word index knows it.
local function give_number(id)
  local number = redis.call('INCR', lastNumber)
  redis.call('HSET', ids_key(number), number, id)
  return int(number)
end

-- Forgets which product has the number.
local function take_number(number) redis.call('HDEL', ids_key(number), number) end

-- The words to add, in their order, and for each the numbers of its products.
local words, numbersOf = {}, {}

-- Notes that a product has a word. What was noted is added by add_words.
local function note_word(word, number)
  local numbers = numbersOf[word]
  if numbers then
    numbers[#numbers + 1] = number
  else
    words[#words + 1] = word
    numbersOf[word] = { number }
  end
end

-- Adds to each word that was noted its products.
local function add_words()
  local new = {}
  for i = 1, #words do
    local word = words[i]
    local key, numbers = wordStart .. word, numbersOf[word]
    redis.call('SADD', key, unpack(numbers))
    if redis.call('SCARD', key) == #numbers then
      new[#new + 1] = 0
      new[#new + 1] = word
    end
  end
  if #new > 0 then redis.call('ZADD', vocabulary, unpack(new)) end
end

-- Removes a product from a word.
local function remove_from_word(word, number)
  local key = wordStart .. word
  if redis.call('SREM', key, number) == 1 and redis.call('EXISTS', key) == 0 then redis.call('ZREM', vocabulary, word) end
end
