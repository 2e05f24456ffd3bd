-- The sandbox. Runtime specification §8.4, §9.

local function immutable(change)
  local ok, message = pcall(change)
  assert(not ok and message:find("attempt to modify Immutable table", 1, true), message)
end

-- What loads code, touches files or the system is absent, and what it leaves out of libraries.
for _, name in ipairs { "load", "loadfile", "dofile", "collectgarbage", "io", "debug", "loadstring" } do
  assert(_G[name] == nil, name)
end
assert(string.dump == nil)

-- Everything else of the table.
for name in ("assert error getmetatable setmetatable ipairs pairs next pcall xpcall rawequal rawget rawset rawlen select "
  .. "tonumber tostring type unpack print require _G _VERSION"):gmatch("%S+") do
  assert(_G[name] ~= nil, name)
end
assert(_VERSION == "Lua 5.3")
for _, path in ipairs {
  "table.concat", "table.insert", "table.remove", "table.sort", "table.unpack", "table.pack", "table.move",
  "table.create", "table.freeze", "table.isfrozen", "table.getn", "table.maxn", "string.gfind", "string.format",
  "math.pow", "math.log10", "math.atan2", "math.cosh", "math.sinh", "math.tanh", "math.frexp", "math.ldexp", "math.mod",
  "coroutine.spawn", "coroutine.isyieldable", "utf8.char", "utf8.codes", "os.time", "errors.new", "process.pid",
  "channel.new", "payload.new",
} do
  local library, name = path:match("(%a+%d?)%.([%a%d]+)")
  assert(type(_G[library][name]) == "function", path)
end
assert(subscribe and unsubscribe)

-- Library tables are read-only; the globals are the process's own.
immutable(function() string.x = 1 end)
immutable(function() os.time = nil end)
immutable(function() process.pid = nil end)
immutable(function() rawset(channel, "x", 1) end)
immutable(function() require("time").x = 1 end)
x = 1
assert(_G.x == 1)
print = nil
assert(process.exec(function() return x == nil and print ~= nil end, "app:processes") == true, "another process has its own")

-- frozen tables
do
  local t = table.freeze { 1 }
  assert(table.isfrozen(t) and not table.isfrozen {})
  immutable(function() t[1] = 2 end)
end

-- require: what is built in, and no files.
assert(require("process") == process and require("string") == string and require("os") == os)
assert(require("time").now and require("time") == require("time"))
for _, name in ipairs { "profile", "no.such.module", "debug" } do
  local ok, message = pcall(require, name)
  assert(not ok and message:find("module '" .. name .. "' not found", 1, true), message)
end

-- package: nothing but these, and they find nothing.
assert(package.path == "" and package.cpath == "" and type(package.seeall) == "function")
assert(package.loaded == nil and package.preload == nil and package.searchers == nil and package.searchpath == nil)
assert(select("#", package.loadlib("x", "y")) == 3 and package.loadlib("x", "y") == nil)

-- The arguments are the script's.
assert(arg[0] == "profile.lua" and arg[1] == nil)
