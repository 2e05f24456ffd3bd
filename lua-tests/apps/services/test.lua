local function wait_for(what)
  while not what() do time.sleep("1ms") end
end

return { main = function()
  for _, name in ipairs { "flaky", "late", "early" } do
    wait_for(function() return process.registry.lookup(name) end)
  end
  assert(note.count("flaky") == 3)
  wait_for(function() return note.count("limited") == 3 end)
  -- What must not happen has time to happen.
  time.sleep("50ms")
  assert(note.count("hopeless") == 1 and note.count("once") == 1 and note.count("limited") == 3)
  assert(note.count("idle") == 0 and not process.registry.lookup("idle"))
  -- A terminated service starts again.
  local before = process.registry.lookup("early")
  assert(process.terminate(before))
  wait_for(function()
    local now = process.registry.lookup("early")
    return now and now ~= before
  end)
  assert(note.count("early") == 2)
end }
