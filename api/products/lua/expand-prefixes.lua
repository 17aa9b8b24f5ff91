-- Finds which indexed words begin with each prefix, and how many entries of the word index that makes. Read-only.
-- KEYS: index (the word index: members <word>\0<id>)
-- ARGV: most (words to find for a prefix), ...prefixes
-- Reply: micros (of CPU time), ...found (for each prefix a list: entries, word, ...; no words where there are more than `most`)
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local began = clock()

-- Above every word that begins with the prefix: U+10FFFF is in no word.
local function above(prefix) return '(' .. prefix .. '\244\143\191\191' end

local reply = {}
for i = prefixesFrom, #ARGV do
  local prefix = ARGV[i]
  local found = { redis.call('ZLEXCOUNT', index, '[' .. prefix, above(prefix)) }
  -- From word to word: \1 sorts above all entries of one word and below every longer word.
  local from = '[' .. prefix
  while true do
    local member = redis.call('ZRANGE', index, from, above(prefix), 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then break end
    if #found > tonumber(most) then
      found = { found[1] }
      break
    end
    local word = string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
    found[#found + 1] = word
    from = '(' .. word .. '\1'
  end
  reply[2 + i - prefixesFrom] = found
end
reply[1] = clock() - began
return reply
