-- Adds what one replica has counted to the windows that all replicas of a service share. Each window ends one length after its first point.
-- KEYS: ...windows (one for each caller: a hash, replica -> points)
-- ARGV: replica, windowMs (the length), ...points (for each window what this replica has counted since the last time)
-- Reply: shared (...sums)
--   sums: for each window: points of all replicas, number of replicas, ms until the window ends

local reply = { 'fresh', 'shared' }
for i = windowsFrom, #KEYS do
  redis.call('HINCRBY', KEYS[i], replica, ARGV[pointsFrom + i - windowsFrom])
  local leftMs = redis.call('PTTL', KEYS[i])
  if leftMs < 0 then
    redis.call('PEXPIRE', KEYS[i], windowMs)
    leftMs = tonumber(windowMs)
  end
  local sum, replicas = 0, 0
  for _, own in ipairs(redis.call('HVALS', KEYS[i])) do
    sum = sum + tonumber(own)
    replicas = replicas + 1
  end
  reply[#reply + 1] = sum
  reply[#reply + 1] = replicas
  reply[#reply + 1] = leftMs
end
return reply
