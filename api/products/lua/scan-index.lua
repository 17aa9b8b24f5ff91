-- Looks through a piece of an index for products that have all wanted words. Read-only; ends by itself when its time is used up.
-- KEYS: 1 the index to look through (members ...\0<id>), 2 word index (members <word>\0<id>),
--       3 a sort index of the same order: only what is in it, too, counts (optional)
-- ARGV: 1 first bound, 2 second bound (as in ZRANGE BYLEX), 3 'REV' to go backwards or '', 4 the most entries to look at,
--       5 the most matches, 6 the microseconds, 7... for each wanted word: how many spellings, these
-- Reply: microseconds, lookups, entries looked at, the last of them ('' when there was none),
--        'more' or 'end', match...     (a match is a member of KEYS[1])
local index, words, scope = KEYS[1], KEYS[2], KEYS[3]
local from, to, reverse = ARGV[1], ARGV[2], ARGV[3] == 'REV'
local mostEntries, mostMatches, mostMicros = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local began = clock()
local atOnce, entriesPerClock = 100, 8

local wanted, position = {}, 7
while position <= #ARGV do
  local spellings = {}
  for i = 1, tonumber(ARGV[position]) do spellings[i] = ARGV[position + i] .. '\0' end
  wanted[#wanted + 1] = spellings
  position = position + #spellings + 1
end

local lookups = 0
local function has(id, spellings)
  for i = 1, #spellings do
    lookups = lookups + 1
    if redis.call('ZSCORE', words, spellings[i] .. id) then return true end
  end
  return false
end

local function isMatch(member)
  if scope and not redis.call('ZSCORE', scope, member) then return false end
  local id = string.sub(member, string.find(member, '\0', 1, true) + 1)
  for i = 1, #wanted do
    if not has(id, wanted[i]) then return false end
  end
  return true
end

local looked, last, matches = 0, '', {}
local function reply(state)
  return { clock() - began, lookups, looked, last, state, unpack(matches) }
end

while true do
  local count = math.min(atOnce, mostEntries - looked)
  local members
  if reverse then
    members = redis.call('ZRANGE', index, from, to, 'BYLEX', 'REV', 'LIMIT', 0, count)
  else
    members = redis.call('ZRANGE', index, from, to, 'BYLEX', 'LIMIT', 0, count)
  end
  for i = 1, #members do
    looked, last = looked + 1, members[i]
    if isMatch(last) then matches[#matches + 1] = last end
    local spent = looked % entriesPerClock == 0 and clock() - began >= mostMicros
    if #matches >= mostMatches or looked >= mostEntries or spent then
      return reply((i == #members and #members < count) and 'end' or 'more')
    end
  end
  if #members < count then return reply('end') end
  from = '(' .. last
end
