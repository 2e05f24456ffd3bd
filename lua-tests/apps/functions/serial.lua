-- Counts how many run at the same time.
return { main = function()
  local running = tonumber(env.get("RUNNING") or "0") + 1
  env.set("RUNNING", tostring(running))
  time.sleep("1ms")
  env.set("RUNNING", tostring(running - 1))
  return running
end }
