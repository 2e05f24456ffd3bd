-- Cancel and terminate. Runtime specification §1.5, §2.4, §2.8.

local guard = require("support.guard")
local receive, refused, HOST = guard.receive, guard.refused, guard.HOST
local me = process.pid()
local EXIT, CANCEL = process.event.EXIT, process.event.CANCEL

assert(CANCEL == "pid.cancel" and EXIT == "pid.exit" and process.event.LINK_DOWN == "pid.link.down")
assert(process.event.OUTDATED == "pid.outdated")

-- cancel: an event for the target, and nothing else
do
  local pid = assert(process.spawn_monitored(function()
    local seen = {}
    for i = 1, 2 do
      local event = process.events():receive()
      seen[i] = { event.kind, event.from, event.reason, math.type(event.at) }
    end
    return seen
  end, HOST))
  local ok, err = process.cancel(pid, "enough")
  assert(ok == true and err == nil and process.cancel(pid) == true)
  local seen = guard.event(EXIT, pid).result.value
  assert(seen[1][1] == CANCEL and seen[1][2] == me and seen[1][3] == "enough" and seen[1][4] == "integer")
  assert(seen[2][3] == "", "no reason is the empty string")
  refused(errors.NOT_FOUND, "not found", process.cancel(pid))
  refused(errors.NOT_FOUND, "could not resolve", process.cancel("nobody"))
end

-- A process that does not read its events is not stopped; the event is kept until it does.
do
  local pid = assert(process.spawn_monitored(function()
    local inbox = process.inbox()
    local got = inbox:receive():payload():data()
    local event = process.events():receive()
    return got .. " then " .. event.reason
  end, HOST))
  assert(process.cancel(pid, "late"))
  process.send(pid, "work", "work")
  assert(guard.event(EXIT, pid).result.value == "work then late")
end

-- cancel by name, of oneself
do
  process.registry.register("cancel.me")
  process.cancel("cancel.me", "mine")
  assert(guard.event(CANCEL, me).reason == "mine")
end

-- terminate: wherever it is
for name, body in pairs {
  waiting = function(me) process.send(me, "at it") process.inbox():receive() end,
  looping = function(me) process.send(me, "at it") while true do end end,
  sleeping = function(me) process.send(me, "at it") require("time").sleep("1h") end,
  selecting = function(me) process.send(me, "at it") channel.select { process.inbox():case_receive(), channel.new():case_send(1) } end,
  executing = function(me, HOST) process.send(me, "at it") process.exec(function() require("time").sleep("1s") end, HOST) end,
  spawning = function(me, HOST) process.send(me, "at it") process.spawn("app.support.endless_load:main", HOST) end,
  upgrading = function(me) process.send(me, "at it") process.upgrade("app.support.endless_load:main") end,
  protected = function(me) process.send(me, "at it") while true do pcall(error) end end,
  nested = function(me)
    process.send(me, "at it")
    coroutine.wrap(function() table.sort({ 3, 2, 1 }, function() while true do end end) end)()
  end,
  coroutines = function(me)
    for _ = 1, 10 do coroutine.spawn(function() while true do coroutine.yield() end end) end
    process.send(me, "at it")
    process.inbox():receive()
  end,
} do
  local inbox = process.inbox()
  local pid = assert(process.spawn_monitored(body, HOST, me, HOST))
  receive(inbox, name)
  assert(process.terminate(pid) == true)
  local result = guard.event(EXIT, pid).result
  assert(result.value == nil and result.error:message() == "process terminated", name)
  assert(result.error:kind() == errors.INTERNAL, name)
  refused(errors.NOT_FOUND, "process not found", process.terminate(pid))
end

-- Terminating oneself does not return, and no handler runs.
do
  local marks = process.listen("marks")
  local pid = assert(process.spawn_monitored(function(me)
    pcall(function() process.terminate(process.pid()) end)
    process.send(me, "marks", "after")
  end, HOST, me))
  guard.event(EXIT, pid)
  assert(channel.select { marks:case_receive(), default = true }.default)
end
