-- The module `system` (modules.md §4.21). What the supervisor knows is tested in `apps/supervision`.
local system = require("system")

local function refused(kind, part, value, err)
  assert(not value, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

do -- the machine
  assert(math.type(system.process.pid()) == "integer" and #system.process.hostname() > 0)
  assert(system.process.cwd():sub(1, 1) == "/")
  assert(system.runtime.cpu_count() >= 1 and system.node.id() == system.process.hostname())
end

do -- modules
  local found
  for _, module in ipairs(assert(system.modules())) do
    if module.name == "store" then found = table.concat(module.class, " ") end
  end
  assert(found == "storage io nondeterministic")
end

do -- memory
  local stats = assert(system.memory.stats())
  for _, name in ipairs { "alloc", "total_alloc", "sys", "heap_alloc", "heap_sys", "heap_objects", "num_gc" } do
    assert(math.type(stats[name]) == "integer" and stats[name] >= 0, name)
  end
  assert(stats.sys > 0 and system.memory.allocated() >= 0 and system.memory.heap_objects() == 0)
  assert(system.memory.get_limit() == -1)
  assert(system.memory.set_limit(8 << 20) == -1 and system.memory.get_limit() == 8 << 20)
  -- It holds for processes that start from now on.
  local greedy = function() return #("x"):rep(64 << 20) end
  local nothing, err = process.exec(greedy, "app:processes")
  assert(nothing == nil and tostring(err):find("not enough memory", 1, true), tostring(err))
  refused(errors.INVALID, "-1", system.memory.set_limit(-2))
  assert(system.memory.set_limit(-1) == 8 << 20 and process.exec(greedy, "app:processes") == 64 << 20)
  assert(not pcall(system.memory.set_limit))
end

do -- the collector of this process
  local weak = setmetatable({{}}, {__mode = "v"})
  assert(system.gc.collect() == true and weak[1] == nil)
  local percent = assert(system.gc.get_percent())
  assert(system.gc.set_percent(300) == percent and system.gc.get_percent() == 300)
  assert(system.gc.set_percent(percent) == 300)
  refused(errors.INVALID, "percentage", system.gc.set_percent(-1))
end

do -- workers and processes
  local workers = assert(system.runtime.max_procs())
  assert(workers >= 1 and system.runtime.max_procs(workers) == workers)
  refused(errors.INVALID, "worker", system.runtime.max_procs(0))
  refused(errors.UNAVAILABLE, "started with " .. workers, system.runtime.max_procs(workers + 1))
  -- One does what all did.
  assert(system.runtime.max_procs(1) == workers and system.runtime.max_procs() == 1)
  for _ = 1, 20 do process.spawn_monitored(function() return 1 end, "app:host") end
  for _ = 1, 20 do assert(process.events():receive().result.value == 1) end
  assert(system.runtime.max_procs(workers) == 1 and system.runtime.max_procs() == workers)
  assert(system.runtime.tasks() >= 1 and system.runtime.goroutines() >= 1)
  local host = assert(system.hosts.list())[1]
  assert(host.status == "running" and host.processes >= 1)
  local found
  for _, pid in ipairs(assert(system.hosts.processes(host.id))) do found = found or pid == process.pid() end
  assert(found)
  refused(errors.NOT_FOUND, "app:none", system.hosts.processes("app:none"))
end

do -- no supervisor and no cluster
  assert(#assert(system.supervisor.states()) == 0)
  refused(errors.NOT_FOUND, "app:none", system.supervisor.state("app:none"))
  assert(system.node.role() == "non-member" and system.node.addr() == "")
  assert(#system.cluster.members() == 0 and system.cluster.leader() == "" and system.cluster.size() == 0)
  refused(errors.INTERNAL, "no cluster", system.raft.state())
  refused(errors.INTERNAL, "no cluster", system.raft.leader())
end

do -- locks
  assert(system.lock.acquire("a") == true)
  refused(errors.ALREADY_EXISTS, "a is held", system.lock.acquire("a"))
  local other = function() return {require("system").lock.acquire("a")} end
  assert(process.exec(other, "app:processes")[1] == false)
  local release = function()
    local released, err = require("system").lock.release("a")
    return {released, err:kind()}
  end
  local result = process.exec(release, "app:processes")
  assert(result[1] == false and result[2] == errors.NOT_FOUND, "it is another's")
  assert(system.lock.release("a") == true)
  refused(errors.NOT_FOUND, "not held", system.lock.release("a"))
  -- A lock ends with its owner.
  assert(process.exec(function() return require("system").lock.acquire("b") end, "app:processes") == true)
  while not system.lock.acquire("b") do coroutine.yield() end
  assert(system.lock.release("b"))
end

do -- the end
  assert(not pcall(system.exit, "now"))
end
