-- Handles its message when it is told to go on; settles it before that if the message says so.
return { main = function(body)
  local seen = assert(store.get("app:data"))
  if body.early then assert(queue.message():ack()) end
  assert(seen:set(body.key .. ".begun", true))
  while not seen:has(body.group .. ".go") do time.sleep("1ms") end
  assert(seen:set(body.key .. ".done", true))
end }
