-- Manual §6.3: modules.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
local file = os.tmpname()
local folder, base = file:match("^(.*/)([^/]*)$")
local path, cpath = package.path, package.cpath
local function store(text) local f = assert(io.open(file, "w")) assert(f:write(text)) assert(f:close()) end
local function forget() package.loaded[base] = nil end

-- What the library consists of.
do
  assert(package.loaded.package == package and package.loaded._G == _G and package.loaded.string == string)
  for _, name in ipairs { "coroutine", "debug", "io", "math", "os", "string", "table", "utf8" } do
    assert(package.loaded[name] == _G[name] and require(name) == _G[name])
  end
  local separator, templates, mark = package.config:match("^(.)\n(.)\n(.)\n.\n.\n")
  assert(separator == "/" and templates == ";" and mark == "?")
  assert(type(path) == "string" and path:find("?", 1, true) and type(cpath) == "string")
  assert(type(package.preload) == "table" and #package.searchers >= 3 and type(package.searchers[1]) == "function")
end

-- A module in a file gets its name and the file's; its result is kept.
do
  package.path = folder .. "?"
  store("runs = (runs or 0) + 1 return { ... }")
  local module = require(base)
  assert(module[1] == base and module[2] == file and module[3] == nil and package.loaded[base] == module)
  assert(require(base) == module and runs == 1, "it is loaded once")
  forget()
  assert(require(base) ~= module and runs == 2)
  runs = nil
end

-- What a module returns, and what it leaves in package.loaded itself.
do
  local function value(text) forget() store(text) return require(base) end
  assert(value "return" == true and value "return nil" == true and package.loaded[base] == true)
  assert(value "return false" == false and package.loaded[base] == false)
  assert(value "return 1, 2" == 1 and select("#", require(base)) == 1)
  assert(value "package.loaded[...] = 'own'" == "own" and value "package.loaded[...] = 'own' return 'result'" == "result")
  store("package.loaded[...] = false return nil")
  forget()
  assert(require(base) == false)
  store("return 'again'")
  assert(require(base) == "again", "a module that is false is loaded again")
  forget()
end

-- Modules that fail: the error says from which file, nothing is kept.
do
  store("return }")
  local ok, message = pcall(require, base)
  local expected = ("error loading module '%s' from file '%s':\n\t%s:1: unexpected symbol near '}'"):format(base, file, file)
  assert(not ok and message == expected, message)
  store("error({ 'object' })")
  ok, message = pcall(require, base)
  assert(not ok and message[1] == "object" and package.loaded[base] == nil)
  store("local x = nil .. 'text'")
  ok, message = pcall(require, base)
  assert(not ok and message:find(file .. ":1: attempt to concatenate a nil value", 1, true), message)
end

-- Names that are not found: every place that was searched is told.
do
  package.path, package.cpath = "/none/?.lua;/none/?/init.lua", "/none/?.so"
  local ok, message = pcall(require, "no.such")
  local places = "\n\tno field package.preload['no.such']\n\tno file '/none/no/such.lua'\n\tno file '/none/no/such/init.lua'\n\tno file '/none/no/such.so'"
  assert(not ok and message:sub(1, #places + 27) == "module 'no.such' not found:" .. places, message)
  package.path = nil
  fails("'package.path' must be a string", require, "no.such")
  package.path = 5
  ok, message = pcall(require, "no.such")
  assert(not ok and message:find("no file '5'", 1, true), message)
  package.path, package.cpath = path, cpath
  fails("bad argument #1 to 'require' (string expected, got no value)", require)
  fails("bad argument #1 to 'require' (string expected, got table)", require, {})
end

-- preload comes first; the loader gets the name.
do
  package.path = folder .. "?"
  store("return 'from the file'")
  package.preload[base] = function(...) return { n = select("#", ...), ... } end
  local module = require(base)
  assert(module[1] == base and module.n >= 1 and (module[2] == nil or module[2] == ":preload:"))
  forget()
  package.preload[base] = nil
  assert(require(base) == "from the file")
  forget()
end

-- Searchers: functions give a loader and its second argument, texts are collected, anything else is passed over.
do
  local searchers = package.searchers
  local log = {}
  package.searchers = {
    function(name) log[#log + 1] = "first " .. name return "\n\ttext of the first" end,
    function() return nil end,
    function(name) if name == "found" then return function(...) return table.concat({ ... }, "+") end, "extra" end end,
    function() return 5 end,
  }
  assert(require("found") == "found+extra" and log[1] == "first found")
  local ok, message = pcall(require, "missing")
  assert(not ok and message:find("^module 'missing' not found:\n\ttext of the first"), message)
  package.searchers = { function() error("searcher fails", 0) end }
  fails("searcher fails", require, "missing")
  package.searchers = 5
  fails("'package.searchers' must be a table", require, "missing")
  package.searchers = searchers
  package.loaded.found = nil
  local loader, argument = searchers[2](base)
  assert(type(loader) == "function" and argument == file and loader(1) == "from the file")
  assert(type(searchers[2]("no such module")) == "string" and type(searchers[1]("no such module")) == "string")
end

-- searchpath.
do
  local search = package.searchpath
  assert(search(base, "/none/?;" .. folder .. "?") == file)
  local found, message = search("a.b", "/x/?.lua;/y/?")
  assert(found == nil and message == "\n\tno file '/x/a/b.lua'\n\tno file '/y/a/b'")
  found, message = search("a.b", "/x/?", "")
  assert(found == nil and message == "\n\tno file '/x/a.b'")
  found, message = search("a-b.c", "/x/?-?", "-", "+")
  assert(found == nil and message == "\n\tno file '/x/a+b.c-a+b.c'")
  found, message = search("x", "")
  assert(found == nil and type(message) == "string")
  fails("bad argument #2 to 'searchpath' (string expected, got no value)", search, "x")
end

-- loadlib cannot load what is not there.
do
  local f, message, where = package.loadlib("/no/such/library.so", "luaopen_x")
  assert(f == nil and type(message) == "string" and (where == "open" or where == "absent"))
  fails("bad argument #2 to 'loadlib' (string expected, got no value)", package.loadlib, "x")
end

-- require looks at the tables it was made with, whatever becomes of the globals.
do
  local own = package
  package = nil
  assert(require("string") == string)
  package = own
  package.preload.fresh = function() return "of preload" end
  local loaded = package.loaded
  package.loaded = {}
  assert(require("fresh") == "of preload" and loaded.fresh == "of preload" and package.loaded.fresh == nil)
  package.loaded, package.preload.fresh, loaded.fresh = loaded, nil, nil
end

package.path, package.cpath = path, cpath
os.remove(file)
