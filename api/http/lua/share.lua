-- Adds what one replica has counted to the windows that all replicas of a service share. Each window ends one length after its first point.
-- KEYS: a window for each caller: a hash, replica -> points
-- ARGV: 1 the replica, 2 length of a window (ms), 3... for each window the points that this replica has counted since the last time
-- Reply: for each window: points of all replicas, number of replicas, ms until the window ends
local replica, windowMs = ARGV[1], ARGV[2]
local reply = {}
for i = 1, #KEYS do
  redis.call('HINCRBY', KEYS[i], replica, ARGV[i + 2])
  local leftMs = redis.call('PTTL', KEYS[i])
  if leftMs < 0 then
    redis.call('PEXPIRE', KEYS[i], windowMs)
    leftMs = tonumber(windowMs)
  end
  local points, replicas = 0, 0
  for _, own in ipairs(redis.call('HVALS', KEYS[i])) do
    points = points + tonumber(own)
    replicas = replicas + 1
  end
  reply[#reply + 1] = points
  reply[#reply + 1] = replicas
  reply[#reply + 1] = leftMs
end
return reply
