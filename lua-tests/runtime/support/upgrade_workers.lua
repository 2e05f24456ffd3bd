-- Process bodies for upgrade.lua.

local time = require("time")
local M = {}

function M.old(parent)
  leftover = true
  process.set_options { trap_links = true }
  local even, control = process.listen("even"), process.listen("upgrade")
  process.inbox()
  control:receive()
  time.timer("1h")
  process.upgrade("app.support.upgrade_workers:new", parent, "argument", nil)
end

function M.new(parent, argument, ...)
  local mail = {}
  local inbox = process.inbox()
  for i = 1, 4 do mail[i] = inbox:receive():payload():data() end
  process.send(parent, "news", {
    pid = process.pid(), id = process.id(), name = process.registry.lookup("upgraded"),
    context = require("ctx").get("who"), global = leftover, trap_links = process.get_options().trap_links,
    argument = argument, last = select("#", ...) + 2, mail = mail,
  })
  return "ended as new"
end

function M.again(n)
  if n == 0 then return "counted down" end
  process.upgrade(nil, n - 1)
  error("upgrade does not return")
end

-- Sleeping and waiting tasks of the old state, whose ends arrive in the new one.
function M.busy()
  for _ = 1, 10 do coroutine.spawn(function() time.sleep("2ms") end) end
  time.after("2ms")
  process.upgrade("app.support.upgrade_workers:after_busy")
end

function M.after_busy()
  local never = time.after("1h")
  local slept = channel.new(1)
  coroutine.spawn(function()
    time.sleep("20ms")
    slept:send("undisturbed")
  end)
  local r = channel.select { never:case_receive(), slept:case_receive() }
  return r.value
end

return M
