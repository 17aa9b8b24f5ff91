-- Reads a piece of an index together with the products that it names. Read-only. The index alone knows their ids, so their keys are made here, from what
-- all of them begin with: one question to Redis in place of two. All have the same hash tag, so that they lie together.
-- KEYS: index (members ...\0<id>), product (what the keys of products begin with)
-- ARGV: first, second (bounds as in ZRANGE BYLEX), order ('REV' to go backwards, or ''), most (members),
--       enough (so many of the fields, where the last of these exists), ...fields
-- Reply: ...found (for each member: the member itself, then the product's text as in read-products.lua)
local members
if order == 'REV' then
  members = redis.call('ZRANGE', index, first, second, 'BYLEX', 'REV', 'LIMIT', 0, most)
else
  members = redis.call('ZRANGE', index, first, second, 'BYLEX', 'LIMIT', 0, most)
end

local found = {}
for i = 1, #members do
  local id = string.sub(members[i], string.find(members[i], '\0', 1, true) + 1)
  found[2 * i - 1], found[2 * i] = members[i], text_of_product(product .. id)
end
return found
