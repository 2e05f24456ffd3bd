-- The guarded functions of the modules, and what each asks for, in this order: actions with resources.
local guarded = {}

-- Calls that need an object, or a table that is not plain.
local calls = {}

function calls.apply()
  return registry.snapshot():changes():create{id = "app:new", kind = "registry.entry"}:apply()
end

function calls.get_of_snapshot() return registry.snapshot():get("app:data") end

local function with_store(id, method, ...)
  local data, err = store.get(id)
  if not data then return nil, err end
  return data[method](data, ...)
end

function calls.with_store(...) return with_store("app:data", ...) end

function calls.with_rows(...) return with_store("app:rows", ...) end

function calls.with_tokens(method, ...)
  local tokens, err = security.token_store("app:tokens")
  if not tokens then return nil, err end
  if method ~= "create" then return tokens[method](tokens, ...) end
  return tokens:create(security.actor(), security.scope())
end

function calls.exec()
  local programs, err = exec.get("app:programs")
  if not programs then return nil, err end
  return programs:exec("true")
end

-- What a call answers, as plain data: whether it was refused, with which message, and the first result as text.
function guarded.call(name, ...)
  local run = calls[name]
  if not run then
    run = _G
    for part in name:gmatch("[^.]+") do run = run[part] end
  end
  local results = table.pack(pcall(run, ...))
  local last = results[results.n]
  if not results[1] then return {refused = true, first = "raised", message = tostring(last)} end
  local refused = errors.is(last, errors.PERMISSION_DENIED)
  return {refused = refused, first = tostring(results[2]), message = refused and last:message() or nil}
end

local URL = "http://127.0.0.1:1/"

guarded.rows = {
  {{"system.modules"}, {"system.read", "modules"}},
  {{"system.memory.stats"}, {"system.read", "memory"}},
  {{"system.memory.allocated"}, {"system.read", "memory"}},
  {{"system.memory.heap_objects"}, {"system.read", "memory"}},
  {{"system.memory.get_limit"}, {"system.read", "memory_limit"}},
  {{"system.memory.set_limit", -1}, {"system.control", "memory_limit"}},
  {{"system.gc.collect"}, {"system.gc", "gc"}},
  {{"system.gc.get_percent"}, {"system.read", "gc_percent"}},
  {{"system.gc.set_percent", 200}, {"system.gc", "gc_percent"}},
  {{"system.runtime.cpu_count"}, {"system.read", "cpu"}},
  {{"system.runtime.max_procs"}, {"system.read", "gomaxprocs"}},
  {{"system.runtime.max_procs", 1}, {"system.control", "gomaxprocs"}},
  {{"system.runtime.goroutines"}, {"system.read", "goroutines"}},
  {{"system.runtime.tasks"}, {"system.read", "goroutines"}},
  {{"system.process.pid"}, {"system.read", "pid"}},
  {{"system.process.hostname"}, {"system.read", "hostname"}},
  {{"system.process.cwd"}, {"system.read", "cwd"}},
  {{"system.hosts.list"}, {"system.read", "hosts"}},
  {{"system.hosts.processes", "app:host"}, {"system.read", "hosts"}},
  {{"system.supervisor.state", "app:host"}, {"system.read", "supervisor"}},
  {{"system.supervisor.states"}, {"system.read", "supervisor"}},
  {{"system.node.id"}, {"system.read", "node"}},
  {{"system.node.addr"}, {"system.read", "node"}},
  {{"system.node.role"}, {"system.read", "node"}},
  {{"system.cluster.members"}, {"system.read", "cluster"}},
  {{"system.cluster.leader"}, {"system.read", "cluster"}},
  {{"system.cluster.size"}, {"system.read", "cluster"}},
  {{"system.raft.state"}, {"system.read", "raft"}},
  {{"system.raft.leader"}, {"system.read", "raft"}},
  {{"system.lock.acquire", "l"}, {"system.lock", "l"}, first = "false"},
  {{"system.lock.release", "l"}, {"system.lock", "l"}, first = "false"},
  {{"system.exit", 1}, {"system.exit", "system"}, ends = true},
  {{"env.get", "PATH"}, {"env.get", "PATH"}},
  {{"env.set", "MOONLET_TEST", "1"}, {"env.set", "MOONLET_TEST"}},
  {{"fs.get", "app:files"}, {"fs.get", "app:files"}},
  {{"registry.get", "app:data"}, {"registry.get", "app:data"}},
  {{"get_of_snapshot"}, {"registry.get", "app:data"}},
  {{"apply"}, {"registry.apply", "registry"}},
  {{"registry.apply_version", 1}, {"registry.apply_version", "registry"}},
  {{"sql.get", "app:db"}, {"db.get", "app:db"}},
  {{"store.get", "app:data"}, {"store.get", "app:data"}},
  {{"with_store", "info"}, {"store.get", "app:data"}, {"store.info", "app:data"}},
  {{"with_store", "get", "k"}, {"store.get", "app:data"}, {"store.key.get", "app:data"}},
  {{"with_store", "entry", "k"}, {"store.get", "app:data"}, {"store.key.get", "app:data"}},
  {{"with_store", "set", "k", 1}, {"store.get", "app:data"}, {"store.key.set", "app:data"}, first = "false"},
  {{"with_store", "put", "k", 1}, {"store.get", "app:data"}, {"store.key.set", "app:data"}},
  {{"with_store", "has", "k"}, {"store.get", "app:data"}, {"store.key.has", "app:data"}, first = "false"},
  {{"with_store", "delete", "k"}, {"store.get", "app:data"}, {"store.key.delete", "app:data"}, first = "false"},
  {{"with_store", "list", {}}, {"store.get", "app:data"}, {"store.key.list", "app:data"}},
  {{"with_rows", "info"}, {"store.get", "app:rows"}, {"store.info", "app:rows"}},
  {{"with_rows", "get", "k"}, {"store.get", "app:rows"}, {"store.key.get", "app:rows"}},
  {{"with_rows", "entry", "k"}, {"store.get", "app:rows"}, {"store.key.get", "app:rows"}},
  {{"with_rows", "set", "k", 1}, {"store.get", "app:rows"}, {"store.key.set", "app:rows"}, first = "false"},
  {{"with_rows", "put", "k", 1}, {"store.get", "app:rows"}, {"store.key.set", "app:rows"}},
  {{"with_rows", "has", "k"}, {"store.get", "app:rows"}, {"store.key.has", "app:rows"}, first = "false"},
  {{"with_rows", "delete", "k"}, {"store.get", "app:rows"}, {"store.key.delete", "app:rows"}, first = "false"},
  {{"with_rows", "list", {}}, {"store.get", "app:rows"}, {"store.key.list", "app:rows"}},
  {{"queue.publish", "app:jobs", 1}, {"queue.publish", "queue"}, {"queue.publish.queue", "app:jobs"}},
  {{"templates.get", "app:pages"}, {"template.get", "app:pages"}},
  {{"exec.get", "app:programs"}, {"exec.get", "app:programs"}},
  {{"exec"}, {"exec.get", "app:programs"}, {"exec.run", "true"}},
  {{"security.new_actor", "a"}, {"security.actor.create", "a"}, first = "raised"},
  {{"security.new_scope"}, {"security.scope.create", "custom"}, first = "raised"},
  {{"security.policy", "app:exactly"}, {"security.policy.get", "app:exactly"}},
  {{"security.named_scope", "app:exactly"}, {"security.policy_group.get", "app:exactly"}},
  {{"security.token_store", "app:tokens"}, {"security.token_store.get", "app:tokens"}},
  {{"with_tokens", "create"}, {"security.token_store.get", "app:tokens"}, {"security.token.create", "app:tokens"}},
  {{"with_tokens", "validate", "x"}, {"security.token_store.get", "app:tokens"}, {"security.token.validate", "app:tokens"}},
  {{"with_tokens", "revoke", "x"}, {"security.token_store.get", "app:tokens"}, {"security.token.revoke", "app:tokens"}},
  {{"eval_runner.compile", "return 1", "", {}}, {"eval.compile", "eval"}},
  {
    {"eval_runner.compile", "return 1", "", {modules = {"env"}, allow_classes = {"process"}}},
    {"eval.compile", "eval"}, {"eval.class", "process"}, {"eval.module", "env"},
  },
  {{"eval_runner.run", {source = "return 1"}}, {"eval.run", "eval"}},
  {
    {"eval_runner.run", {source = "return 1", modules = {"env"}, imports = {n = "app:noted"}, allow_classes = {"process"}}},
    {"eval.run", "eval"}, {"eval.class", "process"}, {"eval.module", "env"}, {"eval.import", "app:noted"},
  },
  {{"http_client.get", URL}, {"http_client.request", URL}, {"http_client.private_ip", "127.0.0.1"}},
  {
    {"websocket.connect", "ws://127.0.0.1:1/"},
    {"websocket.connect", "websocket"}, {"websocket.connect.url", "ws://127.0.0.1:1/"}, {"http_client.private_ip", "127.0.0.1"},
  },
  {{"funcs.call", "app:probe", "env.get", "PATH"}, {"funcs.call", "app:probe"}},
}

function guarded.assert_refused(row, answer, permission)
  local what = row[1][1] .. " without " .. permission[1]
  assert(answer.refused, what .. " is not refused")
  -- What needs several is refused where the object comes from, but for the last.
  local first = permission == row[#row] and row.first or "nil"
  assert(answer.first == first, what .. " answers " .. answer.first)
  local message = ("not allowed: %s (%s)"):format(permission[2], permission[1])
  assert(answer.message:find(message, 1, true), what .. ": " .. answer.message)
end

return guarded
