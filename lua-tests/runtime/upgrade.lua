-- process.upgrade. Runtime specification §2.12.

local guard = require("support.guard")
local receive, refused, HOST = guard.receive, guard.refused, guard.HOST
local OLD, NEW = "app.support.upgrade_workers:old", "app.support.upgrade_workers:new"
local me = process.pid()
local news = process.listen("news")

-- Kept: PID, names, monitors, context, undelivered mail in order. Lost: heap, options, subscriptions, timers.
do
  local pid = assert(process.with_context { who = "kept" }:with_name("upgraded"):spawn_monitored(OLD, HOST, me))
  for i = 1, 4 do process.send(pid, i % 2 == 0 and "even" or "odd", i) end
  process.send(pid, "upgrade")
  local told = receive(news, "the new code")
  assert(told.pid == pid and told.id == NEW and told.name == pid and told.context == "kept")
  assert(told.global == nil and told.trap_links == false, "a fresh state")
  assert(told.argument == "argument" and told.last == 3, "arguments with their number")
  for i = 1, 4 do assert(told.mail[i] == i, "undelivered mail in order of arrival") end
  local result = guard.event(process.event.EXIT, pid).result
  assert(result.value == "ended as new" and result.error == nil, tostring(result.error))
  assert(process.registry.lookup("upgraded") == nil)
end

-- Without an id, the same entry again.
do
  local pid = assert(process.spawn_monitored("app.support.upgrade_workers:again", HOST, 3))
  assert(guard.event(process.event.EXIT, pid).result.value == "counted down")
end

-- Failures end the process.
do
  local _, err = guard.run(function() process.upgrade("app.support.nowhere:main") end)
  assert(err:message():find("^upgrade: ") and err:kind() == errors.NOT_FOUND, tostring(err))
  _, err = guard.run(function() process.upgrade("app.support.broken_load:main") end)
  assert(err:message():find("^upgrade: .*raised while loading"), tostring(err))
end

-- News for the old state does not reach the new one.
do
  local pid = assert(process.spawn_monitored("app.support.upgrade_workers:busy", HOST))
  assert(guard.event(process.event.EXIT, pid).result.value == "undisturbed")
end
