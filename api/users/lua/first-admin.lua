-- Makes the first admin, if there is none. Without a record: repeated, it finds the same user and writes it again.
-- KEYS: stream, user, address, list, admins
-- ARGV: request, id, ...fields (field, value, ... of the user)
-- Reply: created | there-is-one | taken: the address is a customer's

local again = redis.call('SISMEMBER', admins, id) == 1
if not again then
  if redis.call('SCARD', admins) > 0 then return { 'fresh', 'there-is-one' } end
  if redis.call('EXISTS', address) == 1 then return { 'fresh', 'taken' } end
end

redis.call('HSET', user, unpack(ARGV, fieldsFrom))
redis.call('SET', address, id)
redis.call('ZADD', list, 0, id)
redis.call('SADD', admins, id)
if not again then emit(stream, 'user.created', request, cjson.encode({ userId = id, role = 'admin' })) end
return { 'fresh', 'created' }
