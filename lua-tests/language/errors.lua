-- Manual §2.3: error handling. Error values, positions, levels, pcall, xpcall.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "call should have failed with: " .. expected)
  assert(type(message) == "string", "error value is a " .. type(message))
  local text = message:gsub("^[^:]*:%d+: ", "")
  assert(text == expected, ("line %s: expected %q, got %q"):format(message:match(":(%d+):"), expected, message))
end

-- pcall returns all results or the error value untouched.
do
  local function pack(...) return select("#", ...), ... end
  local n, ok, a, b, c = pack(pcall(function(...) return ... end, 1, nil, nil))
  assert(n == 4 and ok == true and a == 1 and b == nil and c == nil, "results including nils")
  assert(select("#", pcall(function() end)) == 1, "no results")
  local object = setmetatable({}, { __tostring = function() return "object" end })
  for _, value in ipairs { object, 42, 4.5, true, false, print } do
    local ok, caught = pcall(error, value)
    assert(not ok and rawequal(caught, value) and math.type(caught) == math.type(value), "any value is an error")
  end
  local ok2, caught = pcall(error)
  assert(not ok2 and caught == nil, "error without argument throws nil")
  assert(select("#", pcall(error)) == 2, "the nil error value is present")
  ok2, caught = pcall(error, nil)
  assert(not ok2 and caught == nil, "nil is an error value")
  fails("bad argument #1 to 'pcall' (value expected)", pcall)
  assert(select(2, pcall(pcall)) == "bad argument #1 to 'pcall' (value expected)", "pcall without function raises")
  ok2, caught = pcall(nil)
  assert(ok2 == false and caught == "attempt to call a nil value", "calling a non-function fails inside pcall")
end

-- Position prefix and levels.
do
  local function line_of(message) return tonumber(message:match(":(%d+): ")) end
  local base
  local function raise(level) error("boom", level) end             -- raise + 0
  local function call(level) raise(level) return 1 end             -- + 1
  local function outer(level) call(level) return 1 end             -- + 2
  local ok, message = pcall(outer, 1)
  base = line_of(message)
  assert(not ok and message:find("errors%.lua:%d+: boom$"), message)
  assert(line_of(select(2, pcall(outer))) == base, "default level is 1")
  assert(line_of(select(2, pcall(outer, 2))) == base + 1, "level 2 is the caller")
  assert(line_of(select(2, pcall(outer, 3))) == base + 2, "level 3 is the caller's caller")
  assert(select(2, pcall(outer, 0)) == "boom", "level 0 adds no position")
  assert(select(2, pcall(outer, 100)) == "boom", "a level beyond the stack adds no position")
  assert(select(2, pcall(error, "m", 1)) == "m", "level 1 of error called by pcall has no Lua position")
  local t = {}
  assert(select(2, pcall(error, t, 2)) == t, "positions are added to strings only")
  assert(select(2, pcall(error, 12)) == 12, "numbers are left alone")
end

-- Multi-line expressions report the line of the operation.
do
  local ok, message = pcall(load("local a\nlocal b = 1 +\n  a\nreturn b", "=c"))
  assert(not ok and message:find("^c:[23]: attempt to perform arithmetic on a nil value %(local 'a'%)$"), message)
  ok, message = pcall(load("\n\nlocal t = nil\n\nt.x = 1", "=c"))
  assert(message == "c:5: attempt to index a nil value (local 't')", message)
  ok, message = pcall(load("local f\n\nf(\n1,\n2)", "=c"))
  assert(message:find("^c:[35]: attempt to call a nil value %(local 'f'%)$"), message)
end

-- Chunk names: '=' literal, '@' file, otherwise source text.
do
  local function where(name) return (select(2, pcall(load("error('x')", name))):gsub(": x$", "")) end
  assert(where("=literal") == "literal:1", "= uses the rest as it is")
  assert(where("@dir/file.lua") == "dir/file.lua:1", "@ names a file")
  assert(where("return 1") == '[string "return 1"]:1', "text is quoted")
  assert(where("first\nsecond") == '[string "first..."]:1', "only the first line")
  local long = ("x"):rep(200)
  assert(where("=" .. long) == ("x"):rep(59) .. ":1", "literal names are cut at 59 characters")
  assert(where("@" .. long) == "..." .. ("x"):rep(56) .. ":1", "file names keep their end")
  assert(where(long) == '[string "' .. ("x"):rep(45) .. '..."]:1', "text is cut")
  assert(select(2, pcall(load("error('x')"))) == "[string \"error('x')\"]:1: x", "default name is the text")
end

-- Variable information in messages.
do
  local up
  fails("attempt to index a nil value (upvalue 'up')", function() return up.x end)
  fails("attempt to index a nil value (local 'a')", function() local a; return a.x end)
  fails("attempt to index a nil value (field 'x')", function() local a = {}; return a.x.y end)
  fails("attempt to index a nil value (field '?')", function() local a = {}; return a[1].y end)
  fails("attempt to index a nil value (global 'no_such_global')", function() no_such_global.x = 1 end)
  fails("attempt to index a number value (local 'n')", function() local n = 1; return n.x end)
  fails("attempt to index a boolean value", function() return (true).x end)
  fails("attempt to call a nil value (method 'nope')", function() local s = {}; s:nope() end)
  fails("attempt to call a nil value (method 'nope')", function() return ("s"):nope() end)
  fails("attempt to call a nil value (field 'nope')", function() string.nope() end)
  fails("attempt to call a table value (local 't')", function() local t = {}; t() end)
  fails("attempt to call a number value", function() (1)() end)
  fails("attempt to call a string value (upvalue 'up')", function() up = "s"; up() end)
  fails("attempt to perform arithmetic on a nil value (local 'a')", function() local a; return a + 1 end)
  fails("attempt to perform arithmetic on a table value (field 'x')", function() local a = { x = {} }; return 1 - a.x end)
  fails("attempt to perform arithmetic on a nil value (local 'a')", function() local a; return -a end)
  fails("attempt to perform arithmetic on a string value", function() return "abc" + 1 end)
  fails("attempt to perform arithmetic on a string value (local 's')", function() local s = "x1"; return s * 2 end)
  fails("attempt to concatenate a nil value (local 'a')", function() local a; return "x" .. a end)
  fails("attempt to concatenate a table value (local 'a')", function() local a = {}; return a .. "x" end)
  fails("attempt to concatenate a boolean value (field 'y')", function() local a = { y = true }; return 1 .. a.y end)
  fails("attempt to get length of a nil value (local 'a')", function() local a; return #a end)
  fails("attempt to get length of a number value (field 'n')", function() local a = { n = 1 }; return #a.n end)
end

-- Operations without variable information.
do
  fails("attempt to compare number with nil", function() return 1 < nil end)
  fails("attempt to compare nil with number", function() return nil < 1 end)
  fails("attempt to compare nil with number", function() return 1 > nil end)
  fails("attempt to compare two table values", function() return {} < {} end)
  fails("attempt to compare two nil values", function() return nil <= nil end)
  fails("attempt to compare string with number", function() return "1" < 2 end)
  fails("attempt to compare number with string", function() return 1 <= "2" end)
  fails("attempt to compare two boolean values", function() return true >= false end)
  fails("attempt to divide by zero", function() return 1 // 0 end)
  fails("attempt to perform 'n%0'", function() return 1 % 0 end)
  fails("number has no integer representation", function() return 1.5 | 1 end)
  fails("number has no integer representation", function() return 2^63 & 1 end)
  fails("attempt to perform bitwise operation on a nil value (global 'undefined_x')", function() return undefined_x | 1 end)
  fails("attempt to perform bitwise operation on a table value", function() return ~{} end)
  fails("attempt to perform bitwise operation on a string value", function() return "a" | 1 end)
  fails("'for' initial value must be a number", function() for i = "a", 2 do end end)
  fails("'for' limit must be a number", function() for i = 1, {} do end end)
  fails("'for' step must be a number", function() for i = 1, 2, true do end end)
  fails("attempt to call a nil value", function() for x in nil do end end)
end

-- bad argument messages: names, methods, missing values.
do
  fails("bad argument #1 to 'insert' (table expected, got nil)", function() table.insert(nil, 1) end)
  fails("bad argument #1 to 'insert' (table expected, got no value)", function() table.insert() end)
  fails("bad argument #2 to 'rep' (number expected, got no value)", function() string.rep("x") end)
  fails("bad argument #1 to 'rep' (number expected, got no value)", function() ("x"):rep() end)
  fails("bad argument #1 to 'rep' (number expected, got table)", function() ("x"):rep({}) end)
  fails("bad argument #1 to 'rep' (number has no integer representation)", function() ("x"):rep(1.5) end)
  fails("bad argument #1 to 'char' (value out of range)", function() string.char(256) end)
  fails("bad argument #1 to 'setmetatable' (table expected, got string)", function() setmetatable("x", {}) end)
  fails("bad argument #2 to 'setmetatable' (nil or table expected)", function() setmetatable({}, 1) end)
  fails("bad argument #1 to 'abs' (number expected, got string)", function() math.abs("x") end)
  fails("bad argument #1 to 'ipairs' (value expected)", function() ipairs() end)
  local mt = setmetatable({}, { __name = "MyType" })
  fails("bad argument #1 to 'abs' (number expected, got MyType)", function() math.abs(mt) end)
end

-- assert.
do
  fails("assertion failed!", function() assert(false) end)
  fails("assertion failed!", function() assert(nil) end)
  fails("bad argument #1 to 'assert' (value expected)", function() assert() end)
  assert(select(2, pcall(assert, false, "custom")) == "custom", "no position is added")
  local t = {}
  assert(select(2, pcall(assert, nil, t)) == t, "any message value")
  assert(select(2, pcall(assert, false, nil)) == nil, "an explicit nil message")
  assert(select("#", assert(1, nil, 3)) == 3, "all arguments are returned")
end

-- xpcall: handler runs at the point of error, sees the value, its result is the result.
do
  local function handler(m) return "handled: " .. tostring(m), "dropped" end
  local function pack(...) return select("#", ...), ... end
  local n, ok, message = pack(xpcall(error, handler, "e"))
  assert(n == 2 and ok == false and message == "handled: e", "one result of the handler")
  assert(select(2, xpcall(function(...) return select("#", ...) end, handler, nil, nil)) == 2, "extra arguments")
  fails("bad argument #2 to 'xpcall' (function expected, got nil)", xpcall, print, nil)
  fails("bad argument #2 to 'xpcall' (function expected, got no value)", xpcall, print)
  local depth_seen
  local function deep(n) if n == 0 then error("bottom") end deep(n - 1) return nil end
  ok, message = xpcall(deep, function(m) depth_seen = coroutine.running() return m end, 50)
  assert(not ok and depth_seen == coroutine.running() and message:find("bottom$"), "handler runs on the same thread")
  -- Nested protected calls.
  ok, message = pcall(function()
    local ok2, inner = pcall(error, "inner", 0)
    assert(not ok2 and inner == "inner")
    error("outer", 0)
  end)
  assert(not ok and message == "outer", "nested pcall")
  ok, message = xpcall(function() local ok3, m = pcall(error, "i", 0) error(m .. "o", 0) end, handler)
  assert(message == "handled: io", "inner pcall does not call the outer handler")
end

-- Errors inside the handler end as an error status, not a crash.
do
  local ok, message = xpcall(error, function() error("again") end, "first")
  assert(not ok, "an erring handler keeps the failure")
  local calls = 0
  ok = xpcall(error, function(m)
    calls = calls + 1
    if calls < 3 then error("retry") end
    return "settled"
  end, "x")
  assert(not ok and calls >= 1, "the handler is called for its own error")
end

-- Runtime errors inside metamethods, iterators and coroutines propagate.
do
  local t = setmetatable({}, { __index = function(_, k) error("no field " .. k, 2) end })
  local ok, message = pcall(function() return t.abc end)
  assert(not ok and message:find("errors%.lua:%d+: no field abc$"), message)
  ok, message = pcall(function() for _ in function() error("iter", 0) end do end end)
  assert(not ok and message == "iter", message)
  ok, message = pcall(coroutine.wrap(function() error({ code = 5 }) end))
  assert(not ok and message.code == 5, "error objects pass through wrap")
end

-- State is consistent after errors: locals, upvalues, loops.
do
  local total, log = 0, {}
  for i = 1, 20 do
    local ok = pcall(function()
      local captured = i
      log[i] = function() return captured end
      if i % 3 == 0 then error("skip") end
      total = total + i
    end)
    assert(ok == (i % 3 ~= 0), "outcome of round " .. i)
  end
  assert(total == 210 - (3 + 6 + 9 + 12 + 15 + 18), "side effects before the error stay")
  for i = 1, 20 do assert(log[i]() == i, "upvalues of unwound frames are closed") end
end

-- tostring of error objects with metatables is left to the receiver.
do
  local E = {}
  E.__index = E
  E.__tostring = function(e) return "E(" .. e.code .. ")" end
  local ok, e = pcall(function() error(setmetatable({ code = 7 }, E)) end)
  assert(not ok and getmetatable(e) == E and tostring(e) == "E(7)", "class instances as errors")
end

-- Deep recursion through pcall is caught.
do
  local function recurse() return 1 + recurse() end
  local ok, message = pcall(recurse)
  assert(not ok and message:find("stack overflow"), "infinite recursion is an error: " .. tostring(message))
  ok, message = pcall(recurse)
  assert(not ok and message:find("stack overflow"), "and again after recovery")
  local depth = 0
  local function nested() depth = depth + 1 local ok, m = pcall(nested) return ok, m end
  nested()
  assert(depth > 100, "pcall nests to a sensible depth, reached " .. depth)
end
