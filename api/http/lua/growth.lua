-- Adds to what users have added today, and forgets all but the users with the most, so that the size is bounded.
-- KEYS: 1 today's growth: a sorted set, user -> bytes
-- ARGV: 1 how many users are kept, 2 how long the day is kept (ms), 3... user and bytes in turn
-- Reply: { number of users kept }
local day = KEYS[1]
local most, keptMs = tonumber(ARGV[1]), ARGV[2]

for i = 3, #ARGV, 2 do redis.call('ZINCRBY', day, ARGV[i + 1], ARGV[i]) end
redis.call('ZREMRANGEBYRANK', day, 0, -(most + 1))
redis.call('PEXPIRE', day, keptMs)
return { redis.call('ZCARD', day) }
