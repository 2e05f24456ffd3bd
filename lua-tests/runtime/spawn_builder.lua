-- Spawn builders and context. Runtime specification §2.11, §6.3.

local guard = require("support.guard")
local receive, run, refused, raises, HOST = guard.receive, guard.run, guard.refused, guard.raises, guard.HOST
local ctx = require("ctx")
local me = process.pid()

local function see(key) return require("ctx").get(key) end

-- ctx of a process without any
do
  local all, err = ctx.all()
  assert(next(all) == nil and err == nil)
  refused(errors.INVALID, "empty key", ctx.get(""))
  refused(errors.NOT_FOUND, "key not found: x", ctx.get("x"))
  raises("bad argument #1", ctx.get)
end

-- with_context: values as they are, overridden by later ones, inherited
do
  local spawner = process.with_context { user = "ann", n = 3, list = { 1, 2, 3, x = "both parts" }, float = 2.0 }
  assert(type(spawner) == "userdata")
  local seen = spawner:exec(function()
    local ctx = require("ctx")
    local all = ctx.all()
    all.user = "changed"
    ctx.get("list").x = "changed"
    return { all = ctx.all(), n = math.type(ctx.get("n")), float = math.type(ctx.get("float")) }
  end, HOST)
  assert(seen.all.user == "ann" and seen.all.list[3] == 3 and seen.all.list.x == "both parts", "copies, kept intact")
  assert(seen.n == "integer" and seen.float == "float")
  local other = spawner:with_context { user = "bob" }
  assert(other ~= spawner and other:exec(see, HOST, "user") == "bob" and spawner:exec(see, HOST, "user") == "ann")
  assert(other:exec(see, HOST, "n") == 3, "added to")
  -- inherited by what the child starts, overridden per key
  local chain = spawner:exec(function(see, HOST)
    local inherited = process.exec(see, HOST, "user")
    local overridden = process.with_context { user = "eve" }:exec(see, HOST, "user")
    local kept = process.with_context { user = "eve" }:exec(see, HOST, "n")
    return { inherited, overridden, kept }
  end, HOST, see, HOST)
  assert(chain[1] == "ann" and chain[2] == "eve" and chain[3] == 3)
  assert(ctx.get("user") == nil, "the spawner's own context is unchanged")
  raises("keys must be strings", process.with_context, { 1 })
  raises("bad argument #1", process.with_context, "x")
  raises("bad argument", spawner.with_context, spawner, 1)
end

-- with_options
do
  local spawner = process.with_options { network = "none" }
  assert(spawner:with_options { other = 1 }:exec(function() return "ran" end, HOST) == "ran")
  raises("bad argument", process.with_options, 1)
end

-- with_message: there before anything else, from nobody, in order
do
  local spawner = process.with_options({}):with_message("first", 1):with_message("second", "a", "b")
  local pid = assert(spawner:spawn_monitored(function()
    local inbox = process.inbox()
    local one, two = inbox:receive(), inbox:receive()
    return { one:topic(), one:from(), one:payload():data(), two:topic(), #two:payload() }
  end, HOST))
  local seen = guard.event(process.event.EXIT, pid).result.value
  assert(table.concat(seen, ",") == "first,,1,second,2")
  raises("@ topics", spawner.with_message, spawner, "@x")
  raises("bad argument", spawner.with_message, spawner)
end

-- with_name: registered when spawn returns; a taken name gets the messages instead
do
  local spawner = process.with_options({}):with_name("keeper"):with_message("job", 1)
  local function keeper(me)
    for _ = 1, 3 do process.send(me, "kept", process.inbox():receive():payload():data()) end
  end
  local kept = process.listen("kept")
  local pid = assert(spawner:spawn(keeper, HOST, me))
  assert(process.registry.lookup("keeper") == pid)
  assert(spawner:with_message("job", 2):spawn_linked_monitored(keeper, HOST, me) == pid, "the owner's PID")
  assert(receive(kept, "1") == 1 and receive(kept, "1 again") == 1 and receive(kept, "2") == 2)
  assert(channel.select { process.events():case_receive(), default = true }.default, "neither monitor nor link")
  raises("empty", spawner.with_name, spawner, "")
  process.unlisten(kept)
end

-- of many that spawn under one name, one process starts
do
  local started, answers = process.listen("started"), process.listen("answers")
  local gate = channel.new()
  for _ = 1, 12 do
    process.spawn(function(me, HOST, gate)
      gate:receive()
      local pid = process.with_options({}):with_name("single"):with_message("hello"):spawn(function(me)
        process.send(me, "started", process.pid())
        for _ = 1, 12 do process.inbox():receive() end
        process.send(me, "started", "all")
        process.inbox():receive()
      end, HOST, me)
      process.send(me, "answers", pid)
    end, HOST, me, HOST, gate)
  end
  gate:close()
  local pid = receive(started, "the one")
  for _ = 1, 12 do assert(receive(answers, "answer") == pid) end
  assert(receive(started, "messages") == "all", "every message reached it")
  assert(process.terminate(pid))
end

-- the four spawns, and exec
do
  local spawner = process.with_context { x = 1 }
  assert(spawner:spawn(see, HOST, "x"))
  local pid = assert(spawner:spawn_monitored(see, HOST, "x"))
  assert(guard.event(process.event.EXIT, pid).result.value == 1)
  local value, err = run(function(HOST)
    process.with_context { x = 1 }:spawn_linked(function() error("x") end, HOST)
    process.inbox():receive()
  end, HOST)
  assert(err:message() == "linked process failed")
  raises("requires", spawner.spawn, spawner)
  raises("requires", spawner.spawn_monitored, spawner, see)
  raises("requires", spawner.exec, spawner)
  refused(errors.NOT_FOUND, "factory not found", spawner:spawn("app.support.nowhere:main", HOST))
end
