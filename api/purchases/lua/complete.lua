-- Completes a pending purchase whose items products has reserved.
-- KEYS: purchase, stream, pending, allPending, allCompleted, ownPending, ownCompleted
-- ARGV: id, request, items (JSON), reserved (history entry of product.reserved), completed (data of purchase.completed, JSON)
-- Reply: applied (...fields) | unchanged (...fields) | missing | old-format: see rewrite.lua
--   fields: field, value, ... of the purchase as it is now

return end_pending('purchase.completed', completed, function(history, event, version)
  redis.call('HSET', purchase, 'status', 'completed', 'version', version, 'items', items,
    'history', history .. ',' .. reserved .. ',d' .. event)
  redis.call('HDEL', purchase, 'requested') -- the items say the same
  move(allPending, allCompleted)
  move(ownPending, ownCompleted)
end)
