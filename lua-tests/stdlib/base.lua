-- Manual §6.1: basic functions.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- select.
do
  assert(select("#") == 0 and select("#", nil, nil) == 2 and select(2, "a", "b", "c") == "b" and select("2", "a", "b") == "b")
  assert(select(-1, "a", "b") == "b" and select("#", select(3, 1, 2)) == 0 and select(1.0, "x") == "x")
  fails("bad argument #1 to 'select' (index out of range)", select, 0)
  fails("bad argument #1 to 'select' (index out of range)", select, -2, 1)
  fails("bad argument #1 to 'select' (number expected, got no value)", select)
  fails("bad argument #1 to 'select' (number has no integer representation)", select, 1.5)
end

-- tonumber without base.
do
  for text, n in pairs { ["10"] = 10, [" 10 "] = 10, ["-7"] = -7, ["+7"] = 7, ["0x1F"] = 31, ["-0xff"] = -255, ["1e2"] = 100.0, [".5"] = 0.5,
    ["5."] = 5.0, ["0x.8p1"] = 1.0, ["\t\n3\v\f\r"] = 3, ["9223372036854775807"] = math.maxinteger, ["9223372036854775808"] = 2^63,
    ["-9223372036854775808"] = math.mininteger, ["0xffffffffffffffffff"] = -1, ["1E+1"] = 10.0, ["00012"] = 12 } do
    local r = tonumber(text)
    assert(r == n and math.type(r) == math.type(n), text .. " gives " .. tostring(r))
  end
  for _, text in ipairs { "", " ", "x", "1x", "0x", "1e", "- 1", "--1", "1 2", "0x1p", "inf", "nan", "1,5", "1\0", "1e1e1", ".", "-", "+", "0x.", "e1" } do
    assert(tonumber(text) == nil, "not a number: " .. text)
  end
  assert(tonumber(5) == 5 and tonumber(5.5) == 5.5 and tonumber({}) == nil and tonumber(nil) == nil and tonumber(true) == nil)
  fails("bad argument #1 to 'tonumber' (value expected)", tonumber)
end

-- tonumber with base.
do
  assert(tonumber("ff", 16) == 255 and tonumber("FF", 16) == 255 and tonumber("-z", 36) == -35 and tonumber("777", 8) == 511)
  assert(tonumber("1010", 2) == 10 and tonumber(" 11 ", 2) == 3 and tonumber("zz", 36) == 1295 and tonumber("10", 10) == 10)
  assert(tonumber("8", 8) == nil and tonumber("1.0", 10) == nil and tonumber("", 10) == nil and tonumber("1e1", 10) == nil and tonumber("0x1", 16) == nil)
  assert(tonumber("1" .. ("0"):rep(64), 2) == 0 and tonumber(("f"):rep(16), 16) == -1, "overflow wraps")
  fails("bad argument #1 to 'tonumber' (string expected, got number)", tonumber, 10, 10)
  fails("bad argument #2 to 'tonumber' (base out of range)", tonumber, "1", 1)
  fails("bad argument #2 to 'tonumber' (base out of range)", tonumber, "1", 37)
end

-- next, pairs, ipairs.
do
  assert(next({}) == nil and next({ 5 }) == 1 and select("#", next({})) == 1)
  local t, seen, n = { 1, 2, 3, a = 1, b = 2, [1.5] = 3, [-1] = 4 }, {}, 0
  local k, v = next(t)
  while k ~= nil do
    assert(not seen[k] and t[k] == v)
    seen[k], n = true, n + 1
    k, v = next(t, k)
  end
  assert(n == 7)
  for key in pairs(t) do t[key] = 0 end
  for key in pairs(t) do t[key] = nil end
  assert(next(t) == nil, "assigning and clearing during traversal")
  assert(not pcall(next, {}, "not a key"), "an invalid key is an error")
  fails("bad argument #1 to 'next' (table expected, got no value)", next)
  local f, s, c = pairs(t)
  assert(f == next and s == t and c == nil)
  f, s, c = ipairs(t)
  assert(type(f) == "function" and s == t and c == 0)
  local big = {}
  for i = 1, 1000 do big[i] = true big["s" .. i] = true end
  n = 0
  for _ in pairs(big) do n = n + 1 end
  assert(n == 2000)
  for key in pairs(big) do if type(key) == "string" then big[key] = nil end end
  n = 0
  for _ in pairs(big) do n = n + 1 end
  assert(n == 1000)
  fails("bad argument #1 to 'for iterator' (table expected, got nil)", function() for _ in pairs(nil) do end end)
end

-- raw access.
do
  local t = setmetatable({}, { __index = function() return 1 end, __newindex = error, __len = function() return 9 end, __eq = function() return true end })
  assert(rawget(t, "x") == nil and rawset(t, "x", 2) == t and rawget(t, "x") == 2 and rawlen(t) == 0 and rawlen("abc") == 3)
  assert(not rawequal(t, setmetatable({}, getmetatable(t))) and rawequal(1, 1.0) and not rawequal("1", 1))
  fails("bad argument #1 to 'rawget' (table expected, got string)", rawget, "x", 1)
  fails("table or string expected", function() local ok, m = pcall(rawlen, 5) error(m:match("%((.-)%)") or m:match("table or string expected"), 0) end)
  fails("bad argument #2 to 'rawequal' (value expected)", rawequal, 1)
end

-- load.
do
  local f = assert(load("local a, b = ... return a, b"))
  local a, b = f(1, 2)
  assert(a == 1 and b == 2, "chunks are vararg functions")
  local n = 0
  f = assert(load(function() n = n + 1 return ({ "return ", "'pie", "ces'" })[n] end))
  assert(f() == "pieces")
  local env = {}
  assert(load("x = 1", "c", "t", env))()
  assert(env.x == 1 and x == nil)
  local r, message = load("return +", "=c")
  assert(r == nil and message:find("^c:1: unexpected symbol near '%+'$"))
  r, message = load("return 1", "=c", "b")
  assert(r == nil and message == "attempt to load a text chunk (mode is 'b')")
  assert(load("return 1", "=c", "bt")() == 1 and load("")() == nil and load("return ...")(7) == 7)
  fails("bad argument #1 to 'load' (function expected, got no value)", load)
  local f1, f2 = load("local n = 0 return function() n = n + 1 return n end"), nil
  local c1, c2 = f1(), f1()
  assert(c1() == 1 and c1() == 2 and c2() == 1, "each call of a chunk is independent")
end

-- tostring, type, print exist with their errors; _G and _VERSION.
do
  fails("bad argument #1 to 'tostring' (value expected)", tostring)
  assert(_VERSION == "Lua 5.3" and _G._G == _G and type(print) == "function")
  fails("'tostring' must return a string to 'print'", function()
    local saved = tostring
    tostring = function() return {} end
    local ok, m = pcall(print, 1)
    tostring = saved
    error(m, 0)
  end)
end

-- dofile, loadfile.
do
  local name = os.tmpname()
  local f = assert(io.open(name, "w"))
  f:write("# first line is skipped\nlocal a = ...\nloaded_global = 5\nreturn a, 'from file'\n")
  f:close()
  local a, b = dofile(name)
  assert(a == nil and b == "from file" and loaded_global == 5)
  loaded_global = nil
  local env = {}
  a, b = assert(loadfile(name, "t", env))(9)
  assert(a == 9 and b == "from file" and env.loaded_global == 5 and loaded_global == nil)
  f = assert(io.open(name, "w"))
  f:write("\nx = = 1")
  f:close()
  local r, message = loadfile(name)
  assert(r == nil and message == name .. ":2: unexpected symbol near '='", message)
  assert(not pcall(dofile, name))
  os.remove(name)
  r, message = loadfile(name)
  assert(r == nil and message:find("^cannot open " .. name:gsub("%p", "%%%0")), message)
end

-- assert, error, xpcall.
do
  fails("assertion failed!", assert, false)
  fails("bad argument #1 to 'assert' (value expected)", assert)
  assert(select(2, pcall(assert, nil, nil)) == nil and select(2, pcall(assert, false, 5)) == 5 and select("#", assert(1, 2, nil)) == 3)
  assert(select(2, pcall(error)) == nil and select(2, pcall(error, 12)) == 12)
  local function raise(level) error("m", level) end
  assert(select(2, pcall(function() raise(2) end)):find("^[^:]+:%d+: m$") and select(2, pcall(raise, 0)) == "m")
  assert(select("#", xpcall(function(...) return ... end, print, 1, nil, nil)) == 4)
  local ok, message = xpcall(error, function(m) return m .. "!" end, "e")
  assert(not ok and message == "e!")
  ok, message = xpcall(nil, function(m) return "handled: " .. m end)
  assert(not ok and message == "handled: attempt to call a nil value")
  fails("bad argument #2 to 'xpcall' (function expected, got no value)", xpcall, print)
  fails("bad argument #1 to 'pcall' (value expected)", pcall)
end

-- collectgarbage: options and their results.
do
  assert(collectgarbage() == 0 and collectgarbage("collect") == 0 and math.type(collectgarbage("count")) == "float")
  assert(collectgarbage("stop") == 0 and collectgarbage("isrunning") == false)
  assert(collectgarbage("restart") == 0 and collectgarbage("isrunning") == true)
  assert(type(collectgarbage("step")) == "boolean" and type(collectgarbage("step", 100)) == "boolean")
  for _, option in ipairs { "setpause", "setstepmul" } do
    local before = collectgarbage(option, 150)
    assert(collectgarbage(option, before) == 150, option)
  end
  fails("bad argument #1 to 'collectgarbage' (invalid option 'generational')", collectgarbage, "generational")
end

-- Metatables: protection, wrong arguments; traversal through metamethods.
do
  for _, lock in ipairs { "locked", false } do
    local t = setmetatable({}, { __metatable = lock })
    assert(getmetatable(t) == lock)
    fails("cannot change a protected metatable", setmetatable, t, {})
  end
  fails("bad argument #1 to 'getmetatable' (value expected)", getmetatable)
  fails("bad argument #2 to 'setmetatable' (nil or table expected)", setmetatable, {})
  fails("bad argument #2 to 'setmetatable' (nil or table expected)", setmetatable, {}, 1)
  fails("bad argument #1 to 'setmetatable' (table expected, got number)", setmetatable, 1, {})
  local sum = 0
  for _, v in ipairs(setmetatable({}, { __index = function(_, i) if i <= 3 then return i * 10 end end })) do sum = sum + v end
  assert(sum == 60)
  local n, a, b, c = select("#", pairs(setmetatable({}, { __pairs = function() return 1, 2, 3, 4 end }))), pairs(setmetatable({}, { __pairs = function() return 1, 2 end }))
  assert(n == 3 and a == 1 and b == 2 and c == nil)
  fails("bad argument #1 to 'type' (value expected)", type)
  fails("bad argument #3 to 'rawset' (value expected)", rawset, {}, 1)
end

-- load: the reader, the environment, the chunk's name.
do
  assert(load("return _ENV", "c", "t", nil)() == nil and load("return _ENV", "c", "t", 5)() == 5)
  local function refused(expected, ...) local f, message = load(...) assert(f == nil and message == expected, message) end
  refused("file.lua:1: unexpected symbol near <eof>", "x =", "@file.lua")
  refused("name:1: unexpected symbol near <eof>", "x =", "=name")
  refused('[string "x =..."]:2: unexpected symbol near <eof>', "x =\n")
  local f, message = load(function() error("reader", 0) end)
  assert(f == nil and message:find("^reader"))
  f, message = load(function() return {} end)
  assert(f == nil and message:find("reader function must return a string", 1, true))
  f, message = loadfile("/tmp")
  assert(f == nil and message:find("cannot read /tmp", 1, true))
end
