-- Counts a request under several limits: under all of them or, when one of them has too few points left, under none. Each counter ends
-- one window after its first point.
-- KEYS: a counter for each limit
-- ARGV: for each limit: quota, length of the window (ms), points of this request (negative: gives points back)
-- Reply: { 1 (counted) or 0 (refused), then for each limit: points used, ms until the window ends }
local counted = 1
local used = {}
for i = 1, #KEYS do
  local quota, points = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i])
  used[i] = tonumber(redis.call('GET', KEYS[i]) or '0')
  if points > 0 and used[i] + points > quota then counted = 0 end
end

local reply = { counted }
for i = 1, #KEYS do
  local windowMs, points = ARGV[3 * i - 1], tonumber(ARGV[3 * i])
  local leftMs = redis.call('PTTL', KEYS[i])
  if points < 0 then points = -math.min(-points, used[i]) end -- a counter that has ended owes nothing
  if counted == 1 and points ~= 0 then
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
