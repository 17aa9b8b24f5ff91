-- What scan-index.lua and gather-words.lua share; stands before them and uses their keys and arguments (scripts.ts).

-- The time in µs.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- For each wanted word its spellings.
local wanted = {}
do
  local position = wantedFrom
  while position <= #ARGV do
    local spellings = {}
    for i = 1, tonumber(ARGV[position]) do spellings[i] = ARGV[position + i] end
    wanted[#wanted + 1] = spellings
    position = position + #spellings + 1
  end
end
local hasOlder = #wanted > 0 and redis.call('EXISTS', olderWords) == 1

-- How many look-ups for single products were made.
local lookups = 0

local function has_spelling(id, number, spellings)
  for i = 1, #spellings do
    local spelling = spellings[i]
    lookups = lookups + 1
    if number and redis.call('SISMEMBER', wordStart .. spelling, number) == 1 then return true end
    if hasOlder and redis.call('ZSCORE', olderWords, spelling .. '\0' .. id) then return true end
  end
  return false
end

-- Whether a product has all wanted words. `number`: false where it has none yet; `id`: is not needed unless `hasOlder`.
local function has_wanted(id, number)
  for i = 1, #wanted do
    if not has_spelling(id, number, wanted[i]) then return false end
  end
  return true
end
