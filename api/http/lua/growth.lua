-- Adds to what users have added today, and forgets all but the users with the most, so that the size is bounded.
-- KEYS: day (today's growth: a sorted set, user -> bytes)
-- ARGV: mostUsers (how many are kept), keptMs (how long the day is kept), ...bytes (user and bytes in turn)
-- Reply: added

for i = bytesFrom, #ARGV, 2 do redis.call('ZINCRBY', day, ARGV[i + 1], ARGV[i]) end
redis.call('ZREMRANGEBYRANK', day, 0, -(tonumber(mostUsers) + 1))
redis.call('PEXPIRE', day, keptMs)
return { 'fresh', 'added' }
