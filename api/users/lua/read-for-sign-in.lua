-- Reads the user with an e-mail address, and when that user last signed in from a network address. Read-only. Their keys are made here, from what
-- they begin with: one question to Redis in place of two. It takes the same steps where there is no such user.
-- KEYS: address (e-mail address to id), user, known (what the keys of users and of their known addresses begin with)
-- ARGV: addressHash, noUser (stands for the id where there is none)
-- Reply: lastSignInMs (from that network address, '' if never), ...fields (field, value, ... of the user; none if there is no user)
local id = redis.call('GET', address) or noUser
local fields = redis.call('HGETALL', user .. id)
local lastSignInMs = redis.call('ZSCORE', known .. id, addressHash) or ''
return { lastSignInMs, unpack(fields) }
