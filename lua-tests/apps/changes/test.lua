-- Waits until something is so.
local function reached(what)
  while not what() do time.sleep("1ms") end
end

local function status(id)
  local state = system.supervisor.state(id)
  return state and state.status
end

local function change(method, ...)
  local changes = registry.snapshot():changes()
  for _, entry in ipairs { ... } do changes[method](changes, entry) end
  assert(changes:apply())
end

local function service(id, name, lifecycle)
  return {id = id, kind = "process.service", data = {process = "named", host = "app:new.host", input = {name}, lifecycle = lifecycle}}
end

local lookup = process.registry.lookup

local function services()
  local start = {auto_start = true, requires = {"new.host"}}
  change("create", {id = "app:new.host", kind = "process.host"}, service("app:new", "first", start), service("app:idle", "idle"))
  reached(function() return lookup("first") end)
  reached(function() return status("app:new") == "running" end)
  assert(status("app:new.host") == "running" and status("app:idle") == "unknown" and not lookup("idle"))
  -- What is different starts anew; what is not goes on.
  local first = lookup("first")
  change("update", service("app:new", "second", start))
  reached(function() return lookup("second") and not lookup("first") end)
  assert(lookup("second") ~= first)
  local second = lookup("second")
  change("update", service("app:idle", "idle", {auto_start = true}))
  reached(function() return lookup("idle") end)
  assert(lookup("second") == second)
  -- Back and forth in a moment: the last one counts.
  for _, name in ipairs { "third", "fourth", "fifth" } do change("update", service("app:new", name, start)) end
  reached(function() return lookup("fifth") and status("app:new") == "running" end)
  reached(function() return not lookup("second") and not lookup("third") and not lookup("fourth") end)
  change("delete", "app:new", "app:idle")
  reached(function() return not status("app:new") and not status("app:idle") end)
  reached(function() return not lookup("fifth") and not lookup("idle") end)
  change("delete", "app:new.host")
  reached(function() return not status("app:new.host") end)
end

local function databases()
  local function entry(file) return {id = "app:db", kind = "db.sql.sqlite", data = {file = file, lifecycle = {auto_start = true}}} end
  change("create", entry(":memory:"))
  reached(function() return sql.get("app:db") end)
  assert(sql.get("app:db"):execute("CREATE TABLE t (a)"))
  local version = registry.current_version():id()
  change("update", entry(":memory:${env:NO_SUCH_VARIABLE|}"))
  -- It is another one now.
  reached(function()
    local db = sql.get("app:db")
    return db and db:execute("CREATE TABLE t (a)")
  end)
  assert(registry.apply_version(version - 1))
  reached(function() return errors.is(select(2, sql.get("app:db")), errors.NOT_FOUND) and not status("app:db") end)
end

local function endpoints()
  local function get(path)
    local response = http_client.get("http://127.0.0.1:" .. env.get("FREE_PORT") .. path)
    return response and response.status_code
  end
  assert(get("/a/kept") == 200 and get("/a/new") == 404)
  local new = {id = "app:new.endpoint", kind = "http.endpoint", meta = {router = "router"}, data = {method = "GET", path = "/new", func = "hello"}}
  change("create", new)
  reached(function() return get("/a/new") == 200 end)
  change("update", {id = "app:router", kind = "http.router", meta = {server = "server"}, data = {prefix = "/b"}})
  reached(function() return get("/b/new") == 200 end)
  assert(get("/b/kept") == 200 and get("/a/kept") == 404)
  change("delete", "app:new.endpoint")
  reached(function() return get("/b/new") == 404 end)
  assert(get("/b/kept") == 200)
  -- A server of its own: where it listens is known when it does.
  change("delete", "app:kept", "app:router", "app:server")
  reached(function() return get("/b/kept") == nil end)
end

return { main = function()
  services()
  databases()
  endpoints()
end }
