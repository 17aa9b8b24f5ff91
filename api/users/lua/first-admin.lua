-- Makes the first admin, if there is none. Without a record: repeated, it finds the same user and writes it again.
-- KEYS: 1 event stream, 2 user, 3 address, 4 list, 5 admins
-- ARGV: 1 request id, 2 user id, 3... fields and values of the user
-- Reply: { 'fresh', 'created' } | { 'fresh', 'there-is-one' } | { 'fresh', 'taken' }
local stream, user, address, list, admins = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local request, id = ARGV[1], ARGV[2]

local again = redis.call('SISMEMBER', admins, id) == 1
if not again then
  if redis.call('SCARD', admins) > 0 then return { 'fresh', 'there-is-one' } end
  if redis.call('EXISTS', address) == 1 then return { 'fresh', 'taken' } end
end

redis.call('HSET', user, unpack(ARGV, 3))
redis.call('SET', address, id)
redis.call('ZADD', list, 0, id)
redis.call('SADD', admins, id)
if not again then emit(stream, 'user.created', request, cjson.encode({ userId = id, role = 'admin' })) end
return { 'fresh', 'created' }
