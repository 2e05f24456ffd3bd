-- Monitors and links. Runtime specification §1.5, §2.5–2.8.

local guard = require("support.guard")
local receive, run, refused, HOST = guard.receive, guard.run, guard.refused, guard.HOST
local EXIT, LINK_DOWN = process.event.EXIT, process.event.LINK_DOWN
local events = process.events()

local function exit_of(pid) return guard.event(EXIT, pid).result end

-- Waits for "go", then returns or fails as the message says.
local function obedient()
  local how = process.inbox():receive():payload():data()
  if how == "fail" then error("told to", 0) end
  if how == "politely" then return nil, "polite" end
  return how
end

-- monitor: one EXIT per end, whatever the end; the fields of the event.
do
  local pid = assert(process.spawn(obedient, HOST))
  local ok, err = process.monitor(pid)
  assert(ok == true and err == nil)
  refused(errors.ALREADY_EXISTS, "already monitoring pid", process.monitor(pid))
  process.send(pid, "go", "done")
  local event = receive(events, "EXIT")
  assert(event.kind == EXIT and event.from == pid and event.result.value == "done" and event.result.error == nil)
  assert(math.type(event.at) == "integer" and event.error == nil, "no top-level error field")
  refused(errors.NOT_FOUND, "pid not registered", process.monitor(pid))
  refused(errors.NOT_FOUND, "could not resolve 'nobody'", process.monitor("nobody"))
  assert(channel.select { events:case_receive(), default = true }.default, "no second EXIT")
end

-- By name; the name is free when EXIT is seen.
do
  local pid = assert(process.spawn(obedient, HOST))
  assert(process.registry.register("links.watched", pid))
  assert(process.monitor("links.watched"))
  process.send("links.watched", "go", 1)
  assert(exit_of(pid).value == 1 and process.registry.lookup("links.watched") == nil)
end

-- unmonitor: no EXIT afterwards; of something not monitored it is true.
do
  local pid = assert(process.spawn_monitored(obedient, HOST))
  assert(process.unmonitor(pid) == true and process.unmonitor(pid) == true)
  local other = assert(process.spawn_monitored(obedient, HOST))
  process.send(pid, "go", 1)
  process.send(other, "go", 2)
  local event = receive(events, "the other EXIT")
  assert(event.from == other and event.result.value == 2)
  assert(process.monitor(pid) == nil or process.unmonitor(pid), "it may not have ended yet")
  assert(process.unmonitor(other) == true, "a dead process is not monitored")
  refused(errors.NOT_FOUND, "could not resolve", process.unmonitor("nobody"))
end

-- A link in both directions: the failure of one ends the other, a normal end does not.
do
  local function partner(how)
    return run(function(how, obedient, HOST)
      local child = assert(process.spawn_linked(obedient, HOST))
      process.monitor(child)
      process.send(child, "go", how)
      local event = process.events():receive()
      return event.kind
    end, how, obedient, HOST)
  end
  assert(partner("fine") == EXIT)
  for _, how in ipairs { "fail", "politely" } do
    local value, err = partner(how)
    assert(value == nil and err:message() == "linked process failed" and err:kind() == errors.INTERNAL, how)
  end
end

-- A link goes before what arrives together with its news, also for a process that returns without another turn.
do
  local value, err = run(function(obedient, HOST)
    local child = assert(process.spawn_linked(obedient, HOST))
    assert(process.monitor(child))
    process.send(child, "go", "fail")
    assert(process.spawn("app.support.slow_load:main", HOST))
    return process.events():receive().kind
  end, obedient, HOST)
  assert(value == nil and err:message() == "linked process failed")
end

-- The parent fails, the child goes with it; terminate counts as a failure.
do
  local children = process.listen("children")
  for _, how in ipairs { "raise", "terminate" } do
    local parent = assert(process.spawn_monitored(function(me, HOST, how)
      local child = assert(process.spawn_linked(function() process.inbox():receive() end, HOST))
      process.send(me, "children", child)
      process.inbox():receive()
      if how == "raise" then error("first", 0) end
      process.terminate(process.pid())
      error("terminating oneself does not return")
    end, HOST, process.pid(), HOST, how))
    local child = receive(children, "child")
    assert(process.monitor(child))
    process.send(parent, "go")
    local first, second = receive(events, "one exit"), receive(events, "other exit")
    local ends = { [first.from] = first.result, [second.from] = second.result }
    assert(ends[parent].error:message() == (how == "raise" and "first" or "process terminated"))
    assert(ends[child].error:message() == "linked process failed")
  end
  process.unlisten(children)
end

-- trap_links: LINK_DOWN instead of the end.
do
  local value, err = run(function(HOST)
    assert(process.set_options { trap_links = true })
    local events = process.events()
    local child = process.spawn_linked(function() error("oops", 0) end, HOST)
    local down = events:receive()
    assert(down.kind == process.event.LINK_DOWN and down.from == child and down.result.value == nil)
    local fine = process.spawn_linked_monitored(function() return 5 end, HOST)
    local exit = events:receive()
    assert(exit.kind == process.event.EXIT and exit.from == fine, "a normal end is no LINK_DOWN")
    local both = process.spawn_linked_monitored(function() error("x", 0) end, HOST)
    local kinds = {}
    for _ = 1, 2 do kinds[events:receive().kind] = true end
    assert(kinds[process.event.EXIT] and kinds[process.event.LINK_DOWN])
    return down.result.error:message()
  end, HOST)
  assert(value == "oops", tostring(err))
end

-- link and unlink by hand: idempotent, both ends at once.
do
  local pid = assert(process.spawn(obedient, HOST))
  assert(process.link(pid) == true and process.link(pid) == true)
  assert(process.unlink(pid) == true and process.unlink(pid) == true)
  assert(process.monitor(pid))
  process.send(pid, "go", "fail")
  assert(exit_of(pid).error:message() == "told to", "unlinked: this process lives on")
  refused(errors.NOT_FOUND, "pid not registered", process.link(pid))
  refused(errors.NOT_FOUND, "could not resolve", process.link("nobody"))
  refused(errors.NOT_FOUND, "could not resolve", process.unlink("nobody"))
  -- linked again after the other end unlinked
  local value, err = run(function(HOST)
    local me = process.pid()
    local child = assert(process.spawn_linked(function(parent)
      process.unlink(parent)
      process.inbox():receive()
      error("alone", 0)
    end, HOST, me))
    assert(process.monitor(child))
    process.send(child, "go", true)
    local event = process.events():receive()
    return event.kind
  end, HOST)
  assert(value == EXIT, tostring(err))
end

-- Failures cascade through untrapped links.
do
  local value, err = run(function(HOST)
    local function chain(n, HOST, chain)
      if n == 0 then error("bottom", 0) end
      process.spawn_linked(chain, HOST, n - 1, HOST, chain)
      process.inbox():receive()
    end
    chain(5, HOST, chain)
  end, HOST)
  assert(value == nil and err:message() == "linked process failed")
end

-- A process that is busy fails all the same, and one that never opened its events.
do
  local _, err = run(function(HOST)
    process.spawn_linked(function() error("x") end, HOST)
    while true do end
  end, HOST)
  assert(err:message() == "linked process failed")
end

-- Wrong types raise.
for _, name in ipairs { "monitor", "unmonitor", "link", "unlink", "terminate", "cancel" } do
  guard.raises("bad argument #1", process[name])
  guard.raises("bad argument #1", process[name], {})
end

-- Many watchers of one process.
do
  local ready, done = process.listen("ready"), process.listen("done")
  local target = assert(process.spawn(obedient, HOST))
  for _ = 1, 20 do
    assert(process.spawn(function(me, target)
      assert(process.monitor(target))
      local events = process.events()
      process.send(me, "ready")
      local event = events:receive()
      process.send(me, "done", event.from == target and event.result.value.x)
    end, HOST, process.pid(), target))
  end
  for _ = 1, 20 do receive(ready, "ready") end
  process.send(target, "go", { x = 1 })
  for _ = 1, 20 do assert(receive(done, "done") == 1, "a copy for each") end
end

-- Oneself.
do
  local me = process.pid()
  assert(process.link(me) and process.unlink(me) and process.monitor(me) and process.unmonitor(me))
  local _, err = run(function()
    process.link(process.pid())
    process.monitor(process.pid())
    error("alone", 0)
  end)
  assert(err:message() == "alone")
end

-- Many links of one process, in both directions: it ends, and with it all that are still linked.
do
  local n, gone, ready = 300, process.listen("gone"), process.listen("ready")
  local pid = assert(process.spawn_monitored(function(me, HOST, n)
    local pids = {}
    for i = 1, n do
      pids[i] = assert(process.spawn_linked(function(me, i)
        process.send(me, "gone", i, process.pid())
        process.inbox():receive()
      end, HOST, me, i))
    end
    for i = 1, n, 3 do assert(process.unlink(pids[i])) end
    for i = 2, n, 3 do assert(process.link(pids[i])) end
    process.send(me, "ready")
    process.inbox():receive()
    error("all of you", 0)
  end, HOST, process.pid(), HOST, n))
  receive(ready, "ready")
  local watched = {}
  for _ = 1, n do
    local told = receive(gone, "a child")
    watched[told[2]] = told[1]
    assert(process.monitor(told[2]))
  end
  process.send(pid, "go")
  local ended = 0
  while ended < n // 3 * 2 + 1 do
    local event = receive(events, "an end")
    ended = ended + 1
    if event.from ~= pid then
      assert(watched[event.from] % 3 ~= 1 and event.result.error:message() == "linked process failed")
      watched[event.from] = nil
    end
  end
  for child, i in pairs(watched) do
    assert(i % 3 == 1 and process.terminate(child), "the others live on")
    assert(exit_of(child).error)
  end
end
