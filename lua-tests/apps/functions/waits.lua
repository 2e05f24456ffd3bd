-- Tells who wants to know when it is asked to end.
return { main = function(watcher)
  local events = process.events()
  process.send(watcher, "waits", process.pid())
  local event = events:receive()
  process.send(watcher, "asked", event.kind, event.reason)
end }
