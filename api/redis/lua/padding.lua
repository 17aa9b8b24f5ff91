-- Makes the replication offset larger and leaves nothing behind.
-- KEYS: unused (any key of the service that is not used)
-- ARGV: bytes (how many to write to the replication stream)
-- Reply: done
redis.call('SET', unused, string.rep('.', tonumber(bytes)))
redis.call('DEL', unused)
return { 'fresh', 'done' }
