-- Manual §6.4 string.dump and §6.1 load, loadfile, dofile: binary chunks.

local function reload(f, ...)
  return assert(load(string.dump(f), "=reloaded", "b", ...))
end

-- What is dumped runs as before.
do
  local function all(...)
    local t = { n = select("#", ...), ... }
    local sum = 0
    for i = 1, t.n do sum = sum + t[i] end
    for i = t.n, 1, -1 do sum = sum .. t[i] end
    local co = coroutine.wrap(function(a) while true do a = coroutine.yield(a * 2) end end)
    return sum, co(1), co(2.5), function() sum = sum .. "!" return sum end, ("x"):rep(3), t[1] and not t[4], -1 // 2, 2^53
  end
  local sum, one, two, closure, text, last, floor, power = reload(all)(1, 2, 3)
  assert(sum == "6321" and one == 2 and two == 5.0 and text == "xxx" and last == true and floor == -1 and power == 2^53)
  assert(closure() == "6321!" and closure() == "6321!!")
  local main = reload(load("local a, b = ... for k in pairs(b) do a = a + k end goto done a = 0 ::done:: return a"))
  assert(main(10, { 1, 2, 3 }) == 16)
  local constants = reload(function() return nil, true, false, 0, -1, 1 << 40, 0.5, -0.0, 1/0, "", "a\0b", ("long "):rep(20) end)
  local list = table.pack(constants())
  assert(list.n == 12 and list[6] == 1 << 40 and 1 / list[8] == -1/0 and list[11] == "a\0b" and #list[12] == 100)
end

-- A dump of a dump is the same.
do
  local function f(a, ...) local b = a return function(...) b = b + 1 return b, ... end end
  for _, strip in ipairs { false, true } do
    local chunk = string.dump(f, strip)
    assert(chunk == string.dump(f, strip) and chunk:sub(1, 5) == "\27Lua\x53")
    f(1)(2)
    assert(string.dump(load(chunk), strip) == chunk)
  end
  assert(#string.dump(f, true) < #string.dump(f) and string.dump(f, nil) == string.dump(f, false) and string.dump(f, 1) == string.dump(f, true))
end

-- Upvalues are new: the first is the environment, the others are nil.
do
  local first, second, third = 1, 2, 3
  local function get() return first, second, third end
  local a, b, c = reload(get)()
  assert(a == _G and b == nil and c == nil)
  a, b, c = reload(get, 5)()
  assert(a == 5 and b == nil and c == nil)
  assert(reload(get, nil)() == nil)
  local function set(x) if x then first, second = x, (second or 0) + 1 end return first, second end
  set()
  local f, g = reload(set), reload(set)
  f(7)
  a, b = f(8)
  assert(a == 8 and b == 2 and g() == _G and first == 1 and second == 2)
  assert(reload(function() return 1 end, {})() == 1)
  assert(reload(function() return x end, { x = "of env" })() == "of env")
end

-- debug finds the new upvalues and changes them.
do
  local a, b = 20, 30
  local f = reload(function(x) if x == "set" then a = 10 + b; b = b + 1 else return a end end, nil)
  assert(f() == nil)
  assert(debug.setupvalue(f, 1, "hi") == "a" and f() == "hi")
  assert(debug.setupvalue(f, 2, 13) == "b" and not debug.setupvalue(f, 3, 10))
  f("set")
  assert(f() == 23)
  f("set")
  assert(f() == 24)
  local c = 5
  local by_value = reload(function() return c, c + 1 end)
  debug.setupvalue(by_value, 1, 41)
  local x, y = by_value()
  assert(x == 41 and y == 42 and c == 5)
  local itself
  local function recursive(n) if n == 0 then return "end" end return recursive(n - 1) end
  local again = reload(recursive)
  assert(debug.getupvalue(again, 1) == "recursive" and debug.setupvalue(again, 1, again) == "recursive" and again(3) == "end")
  debug.upvaluejoin(again, 1, function() return itself end, 1)
  itself = function(n) return "other", n end
end

-- Many upvalues.
do
  local names = {}
  for i = 1, 199 do names[i] = "a" .. i end
  local list = table.concat(names, ", ")
  local f = load("local " .. list .. " = 1 a2 = 5 return function() return a1, a2, " .. list:gsub(", ", " == nil, ") .. " end")()
  assert(select("#", f()) == 201)
  local g = reload(f)
  local x, y, same, other = g()
  assert(x == _G and y == nil and same == false and other == true)
  for i = 1, 199 do assert(debug.setupvalue(g, i, i)) end
  x, y = g()
  assert(x == 1 and y == 2)
end

-- Messages keep their places, unless they are stripped.
do
  local function f() local t = {} return t.x.y end
  local line = debug.getinfo(f, "S").linedefined
  local source = debug.getinfo(1, "S").short_src
  local _, message = pcall(reload(f))
  assert(message == source .. ":" .. line .. ": attempt to index a nil value (field 'x')", message)

  local function stripped(g) return select(2, pcall(load(string.dump(g, true)))) end
  assert(stripped(f) == "?:-1: attempt to index a nil value (field 'x')")
  assert(stripped(function() local t; t.x = 1 end):find("^%?:%-1: attempt to index a nil value"))
  assert(stripped(function() undefined() end) == "?:-1: attempt to call a nil value (field 'undefined')")
  local up
  assert(stripped(function() return _ENV, up.x end) == "?:-1: attempt to index a nil value (upvalue '?')")
  assert(stripped(function() error("no place") end) == "no place")
  assert(stripped(function() string.rep() end) == "bad argument #1 to 'rep' (string expected, got no value)")

  local g = load(string.dump(f, true))
  local info = debug.getinfo(g, "SlL")
  assert(info.source == "=?" and info.short_src == "?" and info.linedefined == line and info.currentline == -1)
  assert(next(info.activelines) == nil and debug.getlocal(g, 1) == nil)
  assert(debug.getupvalue(load(string.dump(function() return up end, true)), 1) == "(*no name)")
  assert(debug.getlocal(reload(function(a, b) end), 2) == "b")
  local trace = load(string.dump(function() return (debug.traceback("here")) end, true))()
  assert(trace:find("here\nstack traceback:\n\t?: in", 1, true), trace)
end

-- Modes.
do
  local binary, text = string.dump(function() return "binary" end), "return 'text'"
  for _, mode in ipairs { "b", "bt", "tb" } do assert(load(binary, nil, mode)() == "binary") end
  for _, mode in ipairs { "t", "bt", "tb" } do assert(load(text, nil, mode)() == "text") end
  assert(load(binary)() == "binary" and load(binary, nil, nil)() == "binary")
  for _, mode in ipairs { "t", "", "x" } do
    local f, message = load(binary, nil, mode)
    assert(not f and message == "attempt to load a binary chunk (mode is '" .. mode .. "')")
  end
  local f, message = load(text, nil, "b")
  assert(not f and message == "attempt to load a text chunk (mode is 'b')")
end

-- In pieces.
do
  local chunk = string.dump(load("local a, b = 'x', 2.5 return function(...) return a, b, ... end"))
  local position = 0
  local f = assert(load(function()
    position = position + 1
    return position <= #chunk and chunk:sub(position, position) or nil
  end, "=pieces", "b"))
  local a, b, c = f()(3)
  assert(a == "x" and b == 2.5 and c == 3)
end

-- What is cut off, changed, or no chunk at all.
do
  local chunk = string.dump(function(...) local t = { ... } for i, v in ipairs(t) do t[v] = i end return t end)
  for i = 1, #chunk - 1 do
    local f, message = load(chunk:sub(1, i))
    assert(not f and message == "binary string: truncated precompiled chunk", message)
  end
  assert(load(chunk .. "and more")("x").x == 1)
  local function refused(text, name, expected)
    local f, message = load(text, name)
    assert(not f and message == expected, message)
  end
  refused("\27Lua", "=named", "named: truncated precompiled chunk")
  refused("\27Lua", "@named", "named: truncated precompiled chunk")
  refused("\27Lua", "named", "named: truncated precompiled chunk")
  refused("\27Lux" .. chunk:sub(5), nil, "binary string: not a precompiled chunk")
  refused("\27Lua\x52" .. chunk:sub(6), nil, "binary string: version mismatch in precompiled chunk")
  refused("\27Lua\x53\xff" .. chunk:sub(7), nil, "binary string: format mismatch in precompiled chunk")
  refused(chunk:gsub("\r\n", "\n", 1), nil, "binary string: corrupted precompiled chunk")
end

-- Files.
do
  local file = os.tmpname()
  local function write(...)
    local out = assert(io.open(file, "wb"))
    assert(out:write(...) and out:close())
  end
  local chunk = string.dump(load("return 'from', ...", "@a.lua"))
  write(chunk)
  assert(select(2, loadfile(file)(1)) == 1 and loadfile(file, "b")() == "from" and dofile(file) == "from")
  local f, message = loadfile(file, "t")
  assert(not f and message == "attempt to load a binary chunk (mode is 't')")
  assert(debug.getinfo(loadfile(file), "S").source == "@a.lua")
  write("# comment\n", chunk)
  assert(dofile(file) == "from")
  write("\xEF\xBB\xBF#!comment\n", chunk)
  assert(dofile(file) == "from")
  write(string.dump(load("return x", "@a.lua")))
  assert(loadfile(file, "b", { x = 8 })() == 8)
  write(chunk:sub(1, -2))
  f, message = loadfile(file)
  assert(not f and message == file .. ": truncated precompiled chunk")
  assert(os.remove(file))
end

-- What cannot be dumped.
do
  local ok, message = pcall(string.dump, print)
  assert(not ok and message == "unable to dump given function")
  ok, message = pcall(string.dump, coroutine.wrap(print))
  assert(not ok and message == "unable to dump given function")
  ok, message = pcall(string.dump)
  assert(not ok and message:find("bad argument #1 to '[%w.]*dump' %(function expected, got no value%)"))
end
