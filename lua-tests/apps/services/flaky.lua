-- Fails in some way the first times that it runs.
return { main = function(name, times, how)
  local n = note.add(name)
  if n <= times then
    if how == "raise" then error(name .. " fails") end
    if how == "text" then return nil, name .. " fails" end
    return
  end
  process.registry.register(name)
  local reason = process.events():receive().reason
  assert(reason == "service stopping")
  print(name, "stops")
end }
