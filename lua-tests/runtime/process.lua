-- Processes: identity, spawning, results in EXIT events, termination. Runtime specification §1.2–1.5, §2.1–2.4, §2.8.

local time = require("time")
local HOST = "app:processes"
local WORKER = "app.support.process_workers:"
local events = process.events()

-- Receives with a guard against hanging.
local function receive(ch, what)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived: " .. what)
  return r.value, r.ok
end

local function exit_of(pid)
  while true do
    local event = receive(events, "exit of " .. pid)
    if event.from == pid then
      assert(event.kind == process.event.EXIT, "kind " .. tostring(event.kind))
      return event.result, event
    end
  end
end

-- Own identity.
do
  local pid = process.pid()
  assert(type(pid) == "string" and pid:find("^{.+|0x%x%x%x%x%x+}$"), "PID form: " .. tostring(pid))
  assert(pid == process.pid(), "stable")
  assert(type(process.id()) == "string", "entry id")
  assert(require("process") == process, "the global is the module")
  assert(process.event.EXIT == "pid.exit" and process.event.CANCEL == "pid.cancel", "event names")
  assert(process.event.LINK_DOWN == "pid.link.down")
  assert(process.events() == events and process.inbox() == process.inbox(), "one channel each")
end

-- A child has its own PID and the entry id it was started from.
do
  local identity = process.listen("identity")
  local pid, err = process.spawn(WORKER .. "identity", HOST, process.pid())
  assert(pid and err == nil, tostring(err))
  local told = receive(identity, "identity")
  assert(told[1] == pid and pid ~= process.pid(), "spawn returned the child's PID")
  assert(told[2] == WORKER .. "identity", "entry id " .. tostring(told[2]))
  process.unlisten(identity)
end

-- Results.
do
  local function result(kind) return exit_of(assert(process.spawn_monitored(WORKER .. "returns", HOST, kind))) end
  local r, event = result("value")
  assert(r.error == nil and r.value.answer == 42, "value")
  assert(event.error == nil and math.type(event.at) ~= nil, "no top-level error field; a time")
  r = result("nothing")
  assert(r.value == nil and r.error == nil, "no result")
  r = result("false")
  assert(r.value == 42 and r.error == nil, "a second value that is no error is ignored")
  r = result("many")
  assert(r.value == 1 and r.error == nil, "only the first value counts")
  r = result("text")
  assert(r.value == nil and r.error:message() == "failed politely" and r.error:kind() == errors.INTERNAL, "error text")
  assert(r.error:retryable() == false, "an error text is not retryable")
  r = result("false text")
  assert(r.error:message() == "still a failure", "false with a text is a failure")
  r = result("object")
  assert(r.error:kind() == errors.NOT_FOUND and r.error:message() == "gone" and r.error:retryable() == true, "error object")
  assert(r.error:details().id == 7, "details survive")
  r = result("plain object")
  assert(r.error:kind() == errors.INTERNAL and r.error:message() == "no kind", "an empty kind becomes internal")
  r = result("raise")
  assert(r.error:message():find("process_workers.*:%d+: boom$"), "raise with position: " .. r.error:message())
  assert(r.error:kind() == errors.INTERNAL and r.error:retryable() == nil, "kind of a raise")
  r = result("raise table")
  assert(r.error:message() == "as text", "other thrown values become text: " .. r.error:message())
  r = result("raise object")
  assert(r.error:kind() == errors.CONFLICT and r.error:message() == "typed", "a thrown error object keeps its kind")
  r = result("runtime")
  assert(r.error:message():find("attempt to index a nil value %(local 't'%)$"), r.error:message())
  r = result("coroutine")
  assert(r.error:message():find("in a coroutine$"), "an error in any coroutine ends the process")
end

-- terminate: a waiting process, a spinning process, a dead one.
do
  local ready = process.listen("ready")
  local pid = assert(process.spawn_monitored(WORKER .. "waits", HOST, process.pid()))
  assert(receive(ready, "ready") == pid)
  assert(process.terminate(pid) == true, "terminate is queued")
  local r = exit_of(pid)
  assert(r.error:message() == "process terminated" and r.error:kind() == errors.INTERNAL, r.error:message())
  local ok, err = process.terminate(pid)
  assert(not ok and err:kind() == errors.NOT_FOUND and err:message():find("not found"), "a dead process is not found")

  local spinning = process.listen("spinning")
  pid = assert(process.spawn_monitored(WORKER .. "spins", HOST, process.pid()))
  receive(spinning, "spinning")
  assert(process.terminate(pid))
  assert(exit_of(pid).error:message() == "process terminated", "busy processes notice")
  process.unlisten(ready)
  process.unlisten(spinning)
end

-- Arguments: number, trailing nils; functions instead of entries.
do
  local count, last = process.listen("count"), process.listen("last")
  assert(process.spawn(WORKER .. "arguments", HOST, process.pid(), 1, nil, "x", nil))
  assert(receive(count, "count") == 4 and receive(last, "last") == "nil", "trailing nils are preserved")
  local prefix = "from a closure "
  local parent = process.pid()
  assert(process.spawn(function(a) process.send(parent, "last", prefix .. a) end, HOST, "child"))
  assert(receive(last, "function child") == "from a closure child", "a function is spawned with its upvalues")
  prefix = nil
  local pid = assert(process.spawn_monitored(function() return "fn" end, HOST))
  assert(exit_of(pid).value == "fn")
  process.unlisten(count)
  process.unlisten(last)
end

-- Globals are private.
do
  leaked_from_parent = true
  local globals = process.listen("globals")
  for _ = 1, 2 do
    assert(process.spawn(WORKER .. "globals", HOST, process.pid()))
    local g = receive(globals, "globals")
    assert(g[1] == 1 and g[2] == true, "each process starts with fresh globals")
  end
  leaked_from_parent = nil
  process.unlisten(globals)
end

-- Failing spawns.
do
  local pid, err = process.spawn("app.support.no_such_file:main", HOST)
  assert(pid == nil and err:kind() == errors.NOT_FOUND, "unknown file: " .. tostring(err))
  pid, err = process.spawn(WORKER .. "no_such_function", HOST)
  assert(pid == nil and err:kind() == errors.NOT_FOUND, "unknown function: " .. tostring(err))
  pid, err = process.spawn()
  assert(pid == nil and err:kind() == errors.INVALID, "missing arguments: " .. tostring(err))
  pid, err = process.spawn("app.support.broken_syntax:main", HOST)
  assert(pid == nil and err, "a file that does not compile")
  pid, err = process.spawn("app.support.broken_load:main", HOST)
  assert(pid == nil and err:kind() == errors.INTERNAL and err:message():find("raised while loading"), tostring(err))
end

-- A chunk that waits while it loads.
do
  local pid, err = process.spawn("app.support.blocks:main", HOST)
  assert(pid == nil and err:kind() == errors.INTERNAL and tostring(err):find("must not block", 1, true), tostring(err))
end

-- What an entry begins while it loads ends with a spawn that fails, or that finds its name taken.
do
  local LOADS, group = "app.support.loads:", require("pg").open("app:loads")
  local function members() return #group:get_members("loaded") end
  assert(process.spawn(LOADS .. "nothing", HOST) == nil and members() == 0, "no such method")
  assert(process.exec(LOADS .. "main", HOST) == 1 and members() == 0, "a process that has ended")
  assert(process.registry.register("taken"))
  local spawner = process.with_options({}):with_name("taken")
  assert(spawner:spawn(LOADS .. "main", HOST) == process.pid() and members() == 0, "the name is taken")
  local _, err = process.exec(function() process.upgrade("app.support.loads:nothing") end, HOST)
  assert(err:kind() == errors.NOT_FOUND and members() == 0, "an upgrade that fails")
end

-- Many short processes.
do
  local live = {}
  for _ = 1, 300 do live[assert(process.spawn_monitored(WORKER .. "main", HOST))] = true end
  local n = 0
  while next(live) do
    local event = receive(events, "one of many exits")
    assert(live[event.from], "exit of an unknown process")
    live[event.from] = nil
    n = n + 1
  end
  assert(n == 300, "every process ends and is reported once")
end
