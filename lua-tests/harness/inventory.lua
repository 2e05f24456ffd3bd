-- Prints what libraries and classes have, one name in a line: `library.name function`, `class:method function`. Then it
-- calls functions with one argument less than they need, as the file that is given tells; those that do not mind are printed
-- as `content: name count`.

local loose = { package = true } -- tables of its own content
local function list(prefix, t)
  for name, value in pairs(t) do
    if type(value) == "function" then
      print(prefix .. name .. " function")
    elseif type(value) == "table" and prefix ~= "" and not loose[prefix:match("^%w+")] then
      list(prefix .. name .. ".", value)
    elseif prefix ~= "" then
      print(prefix .. name .. " value")
    end
  end
end

for name, value in pairs(_G) do
  if type(value) == "function" then print(name .. " function") end
end
print("_G value")
print("_VERSION value")
print("arg value")
for _, name in ipairs { "channel", "coroutine", "debug", "errors", "io", "math", "os", "package", "payload", "process", "string",
  "table", "utf8" } do
  list(name .. ".", _G[name])
end
for _, name in ipairs { "base64", "compress", "crypto", "ctx", "env", "eval_runner", "events", "exec", "expr", "fs", "funcs", "hash",
  "html", "json", "logger", "metrics", "pg", "queue", "security", "sql", "store", "system", "templates", "text", "time", "types",
  "uuid", "yaml" } do
  list(name .. ".", require(name))
end

-- Those of builds with servers.
for _, name in ipairs { "http", "http_client", "websocket" } do
  local there, library = pcall(require, name)
  if there then list(name .. ".", library) end
end

-- What the libraries make when they are asked for.
for _, name in ipairs { "utc", "localtz" } do
  if require("time")[name] then print("time." .. name .. " value") end
end
for _, name in ipairs { "stdin", "stdout", "stderr" } do
  if io[name] then print("io." .. name .. " value") end
end

local objects = {}
local function methods(class, object)
  objects[class] = object
  for name, value in pairs(debug.getmetatable(object).__index) do
    if not name:find("^__") then print(class .. ":" .. name .. " " .. type(value)) end
  end
end

local time = require("time")
local channel_of = channel.new()
methods("error", errors.new("none"))
methods("funcs.Executor", require("funcs").new())
methods("channel", channel_of)
methods("channel.case", channel_of:case_receive())
methods("FILE*", io.stdout)
local volume = require("fs").get("app:root")
methods("fs.Volume", volume)
local file = assert(volume:open("/dev/null", "r"))
methods("fs.File", file)
methods("fs.Scanner", file:scanner())
file:close()
local executor = require("exec").get("app:programs")
methods("exec.Executor", executor)
methods("exec.Process", executor:exec("true"))
local text = require("text")
methods("text.Regexp", text.regexp.compile(""))
methods("text.Differ", text.diff.new())
methods("text.Splitter", text.splitter.recursive())
local policy = require("html").sanitize.new_policy()
methods("html.Policy", policy)
methods("html.AttrBuilder", policy:allow_attrs())
methods("logger.Logger", require("logger"):named("a"))
methods("eval_runner.Program", require("eval_runner").compile("return 1"))
methods("expr.Program", require("expr").compile("1"))
methods("security.Actor", require("security").new_actor("a"))
methods("security.Scope", require("security").new_scope())
methods("store.Store", require("store").get("app:store"))
local sql = require("sql")
local db = sql.get("sqlite::memory:")
methods("sql.DB", db)
methods("sql.Sqlizer", sql.builder.eq {})
methods("sql.SelectBuilder", sql.builder.select("1"))
methods("sql.InsertBuilder", sql.builder.insert("t"))
methods("sql.UpdateBuilder", sql.builder.update("t"))
methods("sql.DeleteBuilder", sql.builder.delete("t"))
methods("sql.Executor", sql.builder.select("1"):run_with(db))
local tx = db:begin()
methods("sql.Transaction", tx)
methods("sql.Statement", tx:prepare("SELECT 1"))
methods("time.Time", time.now())
methods("time.Location", time.utc)
methods("process.Spawner", process.with_options({}))
local subscription = require("events").subscribe("system")
methods("events.Subscription", subscription)
subscription:close()
methods("time.Duration", time.parse_duration("1s"))
local timer, ticker = time.timer("1h"), time.ticker("1h")
methods("time.Timer", timer)
methods("time.Ticker", ticker)
timer:stop()
ticker:stop()
process.send(process.pid(), "topic", 1)
local message = process.inbox():receive()
methods("process.Message", message)
methods("payload", message:payload())

local values = { string = "x", number = 1, integer = 1, float = 1.5, boolean = true, ["function"] = print, any = 1, ["nil"] = nil }

local function resolve(name)
  local class, method = name:match("^(.+):(.+)$")
  if class then
    local object = objects[class]
    return object and debug.getmetatable(object).__index[method], object
  end
  local library, rest = name:match("^([^.]+)%.(.+)$")
  if not library then return _G[name] end
  local there, found = pcall(require, library)
  for part in rest:gmatch("[^.]+") do
    found = there and type(found) == "table" and found[part] or nil
  end
  return found
end

for _, needs in ipairs(dofile(arg[1])) do
  local f, object = resolve(needs[1])
  local given = {}
  for i = 2, #needs - 1 do
    local value = values[needs[i]]
    if i == 2 and object then value = object end
    if value == nil and needs[i] ~= "nil" then value = {} end
    given[i - 1] = value
  end
  if f then
    local count = #needs - 2
    local results = table.pack(pcall(f, table.unpack(given, 1, count)))
    local failed = not results[1] or not results[2] and results[3] ~= nil
    if not failed then print("content: " .. needs[1] .. " " .. count) end
  end
end
