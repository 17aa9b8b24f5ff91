-- Notes that a refresh token was answered: from now on its answer is given again only for the grace. By the shop's time, as in refresh.lua.
-- KEYS: rotationEnds (as in refresh.lua)
-- ARGV: session, tokenGeneration, endMs (when the grace ends, ms since 1970)
-- Reply: noted

redis.call('ZADD', rotationEnds, 'XX', 'LT', endMs, session .. ':' .. int(tonumber(tokenGeneration)))
return { 'fresh', 'noted' }
