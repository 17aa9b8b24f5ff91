-- Reads the same fields of several products. Read-only. One script, and one text for each product, cost the client much less than a command for each.
-- KEYS: ...products
-- ARGV: enough (so many of the fields, where the last of these exists), ...fields
-- Reply: ...found (for each product the values of its fields, with line feeds between them; '' for a field that it does not have; no value has a line feed)
local found = {}
for i = productsFrom, #KEYS do found[i] = text_of_product(KEYS[i]) end
return found
