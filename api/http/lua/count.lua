-- Counts a request under several limits: under all of them or, when one of them has too few points left, under none. Each counter ends
-- one window after its first point.
-- KEYS: ...counters (one for each limit)
-- ARGV: ...charges (for each limit: quota, length of the window in ms, points of this request; negative points are given back)
-- Reply: counted (...counts) | refused (...counts)
--   counts: for each limit: points used, ms until the window ends

-- The charge under the counter KEYS[i].
local function charge(i)
  local first = chargesFrom + 3 * (i - countersFrom)
  return tonumber(ARGV[first]), ARGV[first + 1], tonumber(ARGV[first + 2])
end

local result = 'counted'
local used = {}
for i = countersFrom, #KEYS do
  local quota, _, points = charge(i)
  used[i] = tonumber(redis.call('GET', KEYS[i]) or '0')
  if points > 0 and used[i] + points > quota then result = 'refused' end
end

local reply = { 'fresh', result }
for i = countersFrom, #KEYS do
  local _, windowMs, points = charge(i)
  local leftMs = redis.call('PTTL', KEYS[i])
  if points < 0 then points = -math.min(-points, used[i]) end -- a counter that has ended has nothing to give back
  if result == 'counted' and points ~= 0 then
    used[i] = redis.call('INCRBY', KEYS[i], points)
    if leftMs < 0 then
      redis.call('PEXPIRE', KEYS[i], windowMs)
      leftMs = tonumber(windowMs)
    end
  end
  reply[#reply + 1] = used[i]
  reply[#reply + 1] = leftMs < 0 and tonumber(windowMs) or leftMs
end
return reply
