-- Looks through a piece of an index for products that have all wanted words. Read-only; ends by itself when its time is used up.
-- KEYS: index (to look through: members ...\0<id>), wordStart (what the keys of words begin with), product (what those of products begin with),
--       olderWords (the word index of earlier releases: members <word>\0<id>),
--       ...scope (none, or a sort index of the same order: only what is in it, too, counts)
-- ARGV: first, second (bounds as in ZRANGE BYLEX), order ('REV' to go backwards, or ''), mostEntries (to look at), mostMatches, mostMicros,
--       ...wanted (for each wanted word: how many spellings, these)
-- Reply: micros (of CPU time), lookups, entries (that were looked at), last (of them, '' when there was none), state ('more' or 'end'),
--        ...matches (members of the index)
local scope, from, reverse = KEYS[scopeFrom], first, order == 'REV'
local maxEntries, maxMatches, maxMicros = tonumber(mostEntries), tonumber(mostMatches), tonumber(mostMicros)
local began = clock()
local atOnce, entriesPerClock = 100, 8

local function isMatch(member)
  if scope and not redis.call('ZSCORE', scope, member) then return false end
  local id = string.sub(member, string.find(member, '\0', 1, true) + 1)
  if #wanted == 0 then return true end
  lookups = lookups + 1
  local number = redis.call('HGET', product .. id, 'number')
  return has_wanted(id, number)
end

local looked, last, matches = 0, '', {}
local function reply(state)
  return { clock() - began, lookups, looked, last, state, unpack(matches) }
end

while true do
  local count = math.min(atOnce, maxEntries - looked)
  local members
  if reverse then
    members = redis.call('ZRANGE', index, from, second, 'BYLEX', 'REV', 'LIMIT', 0, count)
  else
    members = redis.call('ZRANGE', index, from, second, 'BYLEX', 'LIMIT', 0, count)
  end
  for i = 1, #members do
    looked, last = looked + 1, members[i]
    if isMatch(last) then matches[#matches + 1] = last end
    local spent = looked % entriesPerClock == 0 and clock() - began >= maxMicros
    if #matches >= maxMatches or looked >= maxEntries or spent then
      return reply((i == #members and #members < count) and 'end' or 'more')
    end
  end
  if #members < count then return reply('end') end
  from = '(' .. last
end
