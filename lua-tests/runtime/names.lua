-- The name registry. Runtime specification §2.13.

local guard = require("support.guard")
local receive, run, refused, raises, HOST = guard.receive, guard.run, guard.refused, guard.raises, guard.HOST
local registry = process.registry
local me = process.pid()

assert(registry.LOCAL == 0 and registry.EVENTUAL == 1 and registry.CONSISTENT == 2 and registry.STRONG == 3)

-- register, lookup, unregister
do
  local ok, err = registry.register("one")
  assert(ok == true and err == nil)
  assert(registry.register("one") == true, "the same pair again")
  assert(registry.register("one", me) == true and registry.register("two", me, registry.LOCAL) == true)
  assert(registry.lookup("one") == me and registry.lookup("two") == me, "many names")
  refused(errors.NOT_FOUND, "name not registered", registry.lookup("three"))
  assert(registry.unregister("two") == true and registry.unregister("two") == false)
  assert(registry.lookup("two") == nil and registry.lookup("one") == me)
  process.send("one", "by name", 5)
  assert(process.inbox():receive():payload():data() == 5)
end

-- taken, invalid, wide
do
  local value = run(function()
    local ok, err = process.registry.register("one")
    return { ok == nil, err:kind(), err:message() }
  end)
  assert(value[1] and value[2] == errors.ALREADY_EXISTS and value[3] == "name already registered")
  refused(errors.INVALID, "invalid pid", registry.register("x", "no pid"))
  refused(errors.INVALID, "invalid pid", registry.register("x", 17))
  refused(errors.INVALID, "scope", registry.register("x", me, "local"))
  refused(errors.INVALID, "scope", registry.register("x", me, 9))
  for _, scope in ipairs { registry.EVENTUAL, registry.CONSISTENT, registry.STRONG } do
    refused(errors.INTERNAL, "stand-alone", registry.register("x", me, scope))
    refused(errors.INTERNAL, "stand-alone", registry.unregister("x", scope))
  end
  refused(errors.INVALID, "empty", registry.register(""))
  raises("bad argument #1", registry.register)
  raises("bad argument #1", registry.lookup, {})
  assert(registry.lookup("x") == nil)
end

-- Names of others, by anyone; released at the end.
do
  local pid = assert(process.spawn_monitored(function() return process.inbox():receive():payload():data() end, HOST))
  assert(registry.register("other", pid) and registry.register("another", pid) and registry.lookup("other") == pid)
  refused(errors.ALREADY_EXISTS, "name already registered", registry.register("other"))
  assert(registry.unregister("another") and registry.register("another"), "free for others at once")
  process.send("other", "go", "x")
  assert(guard.event(process.event.EXIT, pid).result.value == "x")
  assert(registry.lookup("other") == nil and registry.lookup("another") == me)
  refused(errors.NOT_FOUND, "process not found", registry.register("late", pid))
  assert(registry.register("other") and registry.lookup("other") == me, "a name can be used again")
end

-- A name is looked up when it is no PID; one that looks like a PID is one.
refused(errors.NOT_FOUND, "could not resolve 'nobody' as PID or registered name", process.send("nobody", "x"))
refused(errors.NOT_FOUND, "not found", process.send("{app:processes|0xfffffff}", "x"))
refused(errors.NOT_FOUND, "not found", process.send("{node@app:processes|0x00001}", "x"))
refused(errors.NOT_FOUND, "could not resolve", process.send("{}", "x"))

-- Of many that want a name one gets it.
do
  local results = process.listen("results")
  for _ = 1, 16 do
    assert(process.spawn(function(me)
      local ok, err = process.registry.register("contested")
      process.send(me, "results", ok or err:kind())
      process.inbox():receive()
    end, HOST, me))
  end
  local won = 0
  for _ = 1, 16 do
    local result = receive(results, "result")
    if result == true then won = won + 1 else assert(result == errors.ALREADY_EXISTS) end
  end
  assert(won == 1)
end
