-- Finds the products that have a word of a range and all wanted words. Read-only; ends by itself when its time is used up.
-- KEYS: vocabulary (every word), wordStart (what the keys of words begin with), idsStart (what the keys of ids begin with),
--       olderWords (the word index of earlier releases: members <word>\0<id>)
-- ARGV: first, second (bounds of the range in the vocabulary, as in ZRANGE BYLEX), after (a number: of the range's first word only products above it),
--       mostEntries (to look at), mostOfWord (entries that a word may have), mostMicros,
--       ...wanted (for each wanted word: how many spellings, these)
-- Reply: micros (of CPU time), lookups, entries (that were looked at), state ('end', 'more', or 'many': a word has more entries than `mostOfWord`),
--        word, number (the last that was looked at, when there is more), ...ids
local maxEntries, maxMicros, maxOfWord = tonumber(mostEntries), tonumber(mostMicros), tonumber(mostOfWord)
local began = clock()
local wordsAtOnce, entriesPerClock = 50, 8

local function id_of(number)
  local bucket = string.format('%d', math.floor(number / 64))
  lookups = lookups + 1
  return redis.call('HGET', idsStart .. bucket, number)
end

-- The numbers of a word above `lowest`, in their order, which a set that became large does not keep.
local function numbers_of(word, lowest)
  local numbers, isSorted = {}, true
  for _, text in ipairs(redis.call('SMEMBERS', wordStart .. word)) do
    local number = tonumber(text)
    if number > lowest then
      isSorted = isSorted and (#numbers == 0 or numbers[#numbers] < number)
      numbers[#numbers + 1] = number
    end
  end
  if not isSorted then table.sort(numbers) end
  return numbers
end

local looked, ids = 0, {}
local function reply(state, word, number)
  return { clock() - began, lookups, looked, state, word or '', number or '', unpack(ids) }
end

-- The id, if the product has all wanted words.
local function matching(number)
  local id = hasOlder and id_of(number)
  return has_wanted(id, number) and (id or id_of(number))
end

local from, lowest = first, tonumber(after)
while true do
  local words = redis.call('ZRANGE', vocabulary, from, second, 'BYLEX', 'LIMIT', 0, wordsAtOnce)
  for i = 1, #words do
    local word = words[i]
    if redis.call('SCARD', wordStart .. word) > maxOfWord then return reply('many') end
    local numbers = numbers_of(word, lowest)
    lowest, looked = 0, looked + 1 -- a word counts as an entry, too
    for j = 1, #numbers do
      looked = looked + 1
      local id = matching(numbers[j])
      if id then ids[#ids + 1] = id end
      local spent = looked % entriesPerClock == 0 and clock() - began >= maxMicros
      if looked >= maxEntries or spent then return reply('more', word, numbers[j]) end
    end
  end
  if #words < wordsAtOnce then return reply('end') end
  from = '(' .. words[#words]
end
