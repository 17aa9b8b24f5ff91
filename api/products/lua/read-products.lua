-- Reads the same fields of several products. Read-only. One script, and one text for each product, cost the client much less than a command for each.
-- KEYS: ...products
-- ARGV: enough (so many of the fields, where the last of these exists), ...fields
-- Reply: ...found (for each product the values of its fields, with line feeds between them; '' for a field that it does not have; no value has a line feed)
local found, last = {}, fieldsFrom + enough - 1
for i = productsFrom, #KEYS do
  local values = redis.call('HMGET', KEYS[i], unpack(ARGV, fieldsFrom, last))
  if not values[tonumber(enough)] then
    values = redis.call('HMGET', KEYS[i], unpack(ARGV, fieldsFrom))
    for j = 1, #values do values[j] = values[j] or '' end
  end
  found[i] = table.concat(values, '\n')
end
return found
