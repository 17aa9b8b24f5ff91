-- What read-products.lua and read-range.lua share; stands before them and uses their arguments (scripts.ts).

local lastOfFew = fieldsFrom + enough - 1

-- The first `enough` fields of a product where the last of these exists, else all, with '' for a field that it does not have.
local function text_of_product(key)
  local values = redis.call('HMGET', key, unpack(ARGV, fieldsFrom, lastOfFew))
  if not values[tonumber(enough)] then
    values = redis.call('HMGET', key, unpack(ARGV, fieldsFrom))
    for i = 1, #values do values[i] = values[i] or '' end
  end
  return table.concat(values, '\n')
end
