-- Finds which indexed words begin with each prefix, and how many entries of the word index that makes. Read-only.
-- KEYS: 1 word index (members <word>\0<id>)
-- ARGV: 1 the most words to find for a prefix, 2... the prefixes
-- Reply: microseconds, then for each prefix { entries, word... }; no words where there are more than the most
local index, most = KEYS[1], tonumber(ARGV[1])
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local began = clock()

-- Above every word that begins with the prefix: U+10FFFF is in no word.
local function above(prefix) return '(' .. prefix .. '\244\143\191\191' end

local reply = {}
for i = 2, #ARGV do
  local prefix = ARGV[i]
  local found = { redis.call('ZLEXCOUNT', index, '[' .. prefix, above(prefix)) }
  -- From word to word: \1 sorts above all entries of one word and below every longer word.
  local from = '[' .. prefix
  while true do
    local member = redis.call('ZRANGE', index, from, above(prefix), 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then break end
    if #found > most then
      found = { found[1] }
      break
    end
    local word = string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
    found[#found + 1] = word
    from = '(' .. word .. '\1'
  end
  reply[i] = found
end
reply[1] = clock() - began
return reply
