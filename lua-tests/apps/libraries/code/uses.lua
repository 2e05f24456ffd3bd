return { main = function()
  -- Once per process, in the order of what they need.
  assert(left.n == 1 and right.n == 2 and right.same)
  -- What libraries list is there as well.
  assert(counter.n == 2 and shared == counter and require("counter") == counter)
  assert(time and right.time == time and require("time") == time)
  assert(silent == true and loaded == true)
  local entry = assert(registry.get("app:uses"))
  assert(entry.meta.type == "test" and entry.meta.team == "b")
  -- The closure of a process runs with the same globals.
  local pid = assert(process.spawn_monitored(function() return left.n + require("right").n end, "app:host"))
  local event = process.events():receive()
  assert(event.from == pid and event.result.value == 3, tostring(event.result.error))
end }
