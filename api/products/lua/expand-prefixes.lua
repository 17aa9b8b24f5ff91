-- Finds which indexed words begin with each prefix, and how many entries of the word index that makes. Read-only.
-- KEYS: vocabulary (every word), wordStart (what the keys of words begin with), olderWords (the word index of earlier releases: members <word>\0<id>)
-- ARGV: most (words to find for a prefix), ...prefixes
-- Reply: micros (of CPU time), older (1 where there is anything in olderWords), ...found (for each prefix a list: entries, word, ...; no words and an
--        estimate of the entries where there are more than `most`)
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local began = clock()

-- Above every word that begins with the prefix: U+10FFFF is in no word.
local function above(prefix) return '(' .. prefix .. '\244\143\191\191' end

-- As if all words with the prefix were as frequent as the first of them.
local function find(prefix)
  local words = redis.call('ZRANGE', vocabulary, '[' .. prefix, above(prefix), 'BYLEX', 'LIMIT', 0, most + 1)
  local entries = 0
  for i = 1, #words do
    local word = words[i]
    entries = entries + redis.call('SCARD', wordStart .. word)
  end
  if #words <= tonumber(most) then return entries, words end
  return math.ceil(entries / #words * redis.call('ZLEXCOUNT', vocabulary, '[' .. prefix, above(prefix)))
end

-- The words that only `olderWords` has are added to `words`, as long as these are no more than `most`.
local function find_older(prefix, words)
  local isKnown = {}
  for i = 1, #(words or {}) do isKnown[words[i]] = true end
  -- From word to word: \1 sorts above all entries of one word and below every longer word.
  local from = '[' .. prefix
  while words do
    local member = redis.call('ZRANGE', olderWords, from, above(prefix), 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then break end
    local word = string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
    if not isKnown[word] then words[#words + 1] = word end
    if #words > tonumber(most) then words = nil end
    from = '(' .. word .. '\1'
  end
  return redis.call('ZLEXCOUNT', olderWords, '[' .. prefix, above(prefix)), words
end

local older = redis.call('EXISTS', olderWords)
local reply = { 0, older }
for i = prefixesFrom, #ARGV do
  local entries, words = find(ARGV[i])
  if older == 1 then
    local more
    more, words = find_older(ARGV[i], words)
    entries = entries + more
  end
  reply[3 + i - prefixesFrom] = { entries, unpack(words or {}) }
end
reply[1] = clock() - began
return reply
