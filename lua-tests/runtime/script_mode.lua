-- Script mode. Runtime specification §12.9: folders as namespaces, the full profile, built-in modules on demand.

local time = require("time")
local me = process.pid()

local function receive(ch, what)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived: " .. what)
  return r.value
end

-- The full profile, here and in children.
do
  local names = { "load", "loadfile", "dofile", "collectgarbage", "io", "debug", "require", "process", "channel",
    "errors", "coroutine", "utf8" }
  for _, name in ipairs(names) do assert(_G[name], name .. " is missing") end
  assert(coroutine.spawn and os.getenv and io.open and string.dump and _VERSION == "Lua 5.3")
  string.added = function() return "added" end
  assert(("x").added() == "added", "library tables are writable")
  string.added = nil
  local topic = process.listen("profile")
  assert(process.spawn("app.support.script_mode_workers:profile", "app:processes", me, names))
  local missing = receive(topic, "profile")
  assert(missing == "", "missing in a child: " .. missing)
  process.unlisten(topic)
end

-- Any host name is the one default host; nested folders; two functions of one file.
do
  local topic = process.listen("deep")
  assert(process.spawn("app.support.nested.deeper:first", "app:processes", me))
  assert(receive(topic, "first") == "first")
  assert(process.spawn("app.support.nested.deeper:second", "another:host", me))
  assert(receive(topic, "second") == "second")
  process.unlisten(topic)
end

-- Only functions of the returned table are entries.
do
  for _, name in ipairs { "not_a_function", "absent", "" } do
    local pid, err = process.spawn("app.support.nested.deeper:" .. name, "app:processes", me)
    assert(pid == nil and err, "entry " .. name)
  end
end

-- Built-in modules are required without declaration.
do
  assert(require("time") == time and require("errors") == errors and require("channel") == channel)
  local ok, message = pcall(require, "no_such_module")
  assert(not ok and message:find("module 'no_such_module' not found"), message)
end
