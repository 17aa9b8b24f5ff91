-- Writes ARGV[1] bytes to the replication stream and leaves nothing behind. KEYS[1]: any key of the service that is not used. Reply: { 'done' }
redis.call('SET', KEYS[1], string.rep('.', tonumber(ARGV[1])))
redis.call('DEL', KEYS[1])
return { 'done' }
