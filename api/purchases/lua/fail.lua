-- Ends a pending purchase that products has refused.
-- KEYS: purchase, stream, pending, ending (index of purchases that end by themselves), allPending, allFailed, ownPending, ownFailed
-- ARGV: id, request, failure (JSON), failed (data of purchase.failed, JSON), keptMs (how long a failed purchase is kept)
-- Reply: applied (...fields) | unchanged (...fields) | missing | old-format: see rewrite.lua
--   fields: field, value, ... of the purchase as it is now

return end_pending('purchase.failed', failed, function(history, event, version)
  redis.call('HSET', purchase, 'status', 'failed', 'version', version, 'failure', failure, 'history', history .. ',f' .. event)
  redis.call('ZADD', ending, int(tonumber(now) + tonumber(keptMs)), id)
  move(allPending, allFailed)
  move(ownPending, ownFailed)
end)
