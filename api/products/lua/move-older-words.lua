-- Moves entries of the word index of earlier releases into the present one.
-- KEYS: product (what the keys of products begin with), wordStart, vocabulary, lastNumber, idsStart, olderWords (the word index, see keys.ts)
-- ARGV: most (entries to move)
-- Reply: moved (left): how many entries are left
local members = redis.call('ZRANGE', olderWords, 0, most - 1)
for i = 1, #members do
  local divider = string.find(members[i], '\0', 1, true)
  local word, id = string.sub(members[i], 1, divider - 1), string.sub(members[i], divider + 1)
  if redis.call('EXISTS', product .. id) == 1 then
    local number = redis.call('HGET', product .. id, 'number')
    if not number then
      number = give_number(id)
      redis.call('HSET', product .. id, 'number', number)
    end
    note_word(word, number)
  end
end
add_words()
if #members > 0 then redis.call('ZREM', olderWords, unpack(members)) end
return { 'fresh', 'moved', tostring(redis.call('ZCARD', olderWords)) }
