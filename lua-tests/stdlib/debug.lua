-- Manual §6.10: the debug library, function by function, without hooks.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- traceback.
do
  local function inner() return (debug.traceback("message")) end
  local text = inner()
  assert(text:find("^message\nstack traceback:\n\t[^\n]+:%d+: in upvalue 'inner'\n", 1) or text:find("in local 'inner'\n", 1, true))
  assert(debug.traceback("m", 100) == "m\nstack traceback:")
  assert(debug.traceback(12, 100) == "12\nstack traceback:")
  assert(debug.traceback(nil, 100) == "stack traceback:")
  assert(debug.traceback("m", 0):find("^m\nstack traceback:\n\t%[C%]: in function 'debug.traceback'\n"))
  local object = {}
  assert(debug.traceback(object) == object and debug.traceback(true) == true)
end

-- traceback and getinfo of another coroutine.
do
  local co = coroutine.create(function(a) local b = a + 1 coroutine.yield(b) return b end)
  assert(debug.traceback(co) == "stack traceback:", "not started")
  assert(debug.getinfo(co, 0) == nil)
  assert(coroutine.resume(co, 1))
  local text = debug.traceback(co, "m")
  assert(text:find("^m\nstack traceback:\n\t%[C%]: in function 'coroutine.yield'\n\t[^\n]*: in function <[^\n]*>$"))
  assert(not debug.traceback(co, nil, 1):find("yield"))
  assert(debug.getinfo(co, 0, "f").func == coroutine.yield and debug.getinfo(co, 0, "n").name == "yield")
  local info = debug.getinfo(co, 1, "Sl")
  assert(info.what == "Lua" and info.currentline == info.linedefined)
  assert(debug.getinfo(co, 2) == nil)
  local name, value = debug.getlocal(co, 1, 1)
  assert(name == "a" and value == 1)
  name, value = debug.getlocal(co, 1, 2)
  assert(name == "b" and value == 2 and debug.getlocal(co, 1, 30) == nil)
  assert(debug.setlocal(co, 1, 2, "changed") == "b")
  assert(select(2, coroutine.resume(co)) == "changed")
  assert(debug.traceback(co) == "stack traceback:", "dead")
  fails("bad argument #2 to 'getlocal' (level out of range)", debug.getlocal, co, 0, 1)
  local main = coroutine.running()
  local seen = coroutine.wrap(function() return debug.getinfo(main, 0, "S").what, debug.getinfo(main, 1, "S").what end)
  local outer, chunk = seen()
  assert(outer == "C" and chunk ~= "C", "a coroutine that has resumed another")
end

-- getinfo of functions.
do
  local info = debug.getinfo(print)
  assert(info.what == "C" and info.source == "=[C]" and info.short_src == "[C]" and info.func == print)
  assert(info.linedefined == -1 and info.lastlinedefined == -1 and info.currentline == -1)
  assert(info.nparams == 0 and info.isvararg == true and info.nups == 0 and info.name == nil and info.namewhat == "")
  assert(info.istailcall == false and info.activelines == nil and debug.getinfo(print, "L").activelines == nil)
  local f = load("local x\n\nreturn function(a, b, ...)\n  x = a\n  return b\nend", "=chunk")
  local g = f()
  info = debug.getinfo(g, "SuL")
  assert(info.source == "=chunk" and info.short_src == "chunk" and info.what == "Lua")
  assert(info.linedefined == 3 and info.lastlinedefined == 6)
  assert(info.nparams == 2 and info.isvararg == true and info.nups == 1 and info.func == nil and info.currentline == nil)
  local lines = {}
  for line, on in pairs(info.activelines) do assert(on == true) lines[#lines + 1] = line end
  table.sort(lines)
  assert(table.concat(lines, " ") == "4 5 6")
  info = debug.getinfo(f)
  assert(info.what == "main" and info.linedefined == 0 and info.isvararg == true)
  assert(next(debug.getinfo(1, "")) == nil)
end

-- getinfo of levels.
do
  assert(debug.getinfo(0, "f").func == debug.getinfo and debug.getinfo(1000) == nil and debug.getinfo(-1) == nil)
  local first = debug.getinfo(1, "l").currentline
  assert(debug.getinfo(1, "l").currentline == first + 1)
  local function named() local info = debug.getinfo(1, "nf") return info.name, info.namewhat, info.func end
  local name, what, func = named()
  assert(name == "named" and what == "local" and func == named)
  local t = { field = named }
  name, what = t.field()
  assert(name == "field" and (what == "field" or what == "method"))
  name, what = t:field()
  assert(name == "field" and what == "method")
  name, what = select(2, pcall(named))
  assert(name == nil)
  local seen
  local mt = { __index = function() seen = debug.getinfo(1, "n") end }
  local _ = setmetatable({}, mt).x
  assert(seen.name == "__index" and seen.namewhat == "metamethod")
  fails("bad argument #2 to 'getinfo' (invalid option)", debug.getinfo, 1, "X")
  fails("bad argument #1 to 'getinfo' (number expected, got table)", debug.getinfo, {})
end

-- getlocal, setlocal.
do
  local function f(a, b) local c = a; a = nil; return debug.getlocal(1, 1) or c, b end
  assert(f(1, 2) == "a")
  assert(debug.getlocal(f, 1) == "a" and debug.getlocal(f, 2) == "b" and debug.getlocal(f, 3) == nil)
  assert(debug.getlocal(print, 1) == nil)
  local function values()
    local x, y = 10, 20
    local function share() x = x + 1 return x end
    share()
    local seen = {}
    for i = 1, 2 do
      local name, value = debug.getlocal(1, i)
      seen[name] = value
    end
    assert(seen.x == 11 and seen.y == 20, "shared variables too")
    assert(debug.setlocal(1, 1, 50) == "x" and debug.setlocal(1, 2, "new") == "y")
    assert(x == 50 and share() == 51 and y == "new")
    assert(debug.setlocal(1, 100, 0) == nil and debug.getlocal(1, 100) == nil and debug.getlocal(1, 0) == nil)
    do local hidden = 1 assert(hidden) end
    local shadow = 1
    assert(debug.getlocal(1, 4) == "seen" and debug.getlocal(1, 5) == "shadow")
    return shadow
  end
  values()
  local outer = "outer"
  local level = (function() local own = 1 return debug.getlocal(1, 1) end)()
  assert(level == "own" and outer)
  fails("bad argument #1 to 'getlocal' (level out of range)", debug.getlocal, 1000, 1)
  fails("bad argument #1 to 'setlocal' (level out of range)", debug.setlocal, 1000, 1, 1)
end

-- getupvalue, setupvalue, upvalueid, upvaluejoin.
do
  local function counter()
    local n = 0
    return function() n = n + 1 return n end, function() return n end
  end
  local step, read = counter()
  step()
  local name, value = debug.getupvalue(step, 1)
  assert(name == "n" and value == 1)
  assert(debug.setupvalue(read, 1, 10) == "n" and step() == 11)
  assert(select("#", debug.getupvalue(step, 2)) == 0 and select("#", debug.setupvalue(step, 2, 0)) == 0)
  assert(debug.upvalueid(step, 1) == debug.upvalueid(read, 1))
  local other, other_read = counter()
  assert(debug.upvalueid(step, 1) ~= debug.upvalueid(other, 1))
  debug.upvaluejoin(other, 1, step, 1)
  assert(other() == 12 and read() == 12 and other_read() == 0)
  assert(debug.upvalueid(step, 1) == debug.upvalueid(other, 1))
  local chunk = load("return x")
  assert(debug.getupvalue(chunk, 1) == "_ENV" and select(2, debug.getupvalue(chunk, 1)) == _G)
  assert(debug.setupvalue(chunk, 1, { x = "other" }) == "_ENV" and chunk() == "other")
  collectgarbage()
  assert(chunk() == "other" and step() == 13)
  assert(debug.getupvalue(print, 1) == nil)
  fails("bad argument #2 to 'upvalueid' (invalid upvalue index)", debug.upvalueid, step, 2)
  fails("bad argument #2 to 'upvaluejoin' (invalid upvalue index)", debug.upvaluejoin, step, 0, step, 1)
  fails("bad argument #4 to 'upvaluejoin' (invalid upvalue index)", debug.upvaluejoin, step, 1, step, 2)
  fails("bad argument #1 to 'setupvalue' (function expected, got number)", debug.setupvalue, 1, 1, 1)
  fails("bad argument #2 to 'getupvalue' (number expected, got string)", debug.getupvalue, step, "x")
end

-- getmetatable, setmetatable.
do
  local protected = setmetatable({}, { __metatable = "hidden" })
  assert(getmetatable(protected) == "hidden" and debug.getmetatable(protected).__metatable == "hidden")
  assert(debug.setmetatable(protected, nil) == protected and getmetatable(protected) == nil)
  assert(debug.getmetatable("").__index == string and debug.getmetatable(1) == nil)
  assert(debug.setmetatable(1, { __index = function(n, key) return key .. n end }) == 1)
  local n = 5
  assert(n.x == "x5" and (2.5).y == "y2.5")
  debug.setmetatable(1, nil)
  assert(debug.getmetatable(1) == nil and not pcall(function() return n.x end))
  debug.setmetatable(nil, { __index = { z = 26 } })
  assert((nil).z == 26)
  debug.setmetatable(nil, nil)
  debug.setmetatable(print, { __len = function() return 7 end })
  assert(#print == 7 and #fails == 7)
  debug.setmetatable(print, nil)
  fails("bad argument #2 to 'setmetatable' (nil or table expected)", debug.setmetatable, 1, 1)
  fails("bad argument #2 to 'setmetatable' (nil or table expected)", debug.setmetatable, 1)
end

-- User values, the registry, hooks.
do
  assert(debug.getuservalue(1) == nil and debug.getuservalue({}) == nil)
  fails("bad argument #1 to 'setuservalue' (userdata expected, got number)", debug.setuservalue, 1, 2)
  if io then
    local value = {}
    assert(debug.setuservalue(io.stdout, value) == io.stdout and debug.getuservalue(io.stdout) == value)
    debug.setuservalue(io.stdout, nil)
    assert(debug.getuservalue(io.stdout) == nil)
    local class = debug.getmetatable(io.stdout)
    debug.setmetatable(io.stdout, { __index = { x = 1 } })
    assert(io.stdout.x == 1)
    debug.setmetatable(io.stdout, class)
    assert(io.type(io.stdout) == "file")
  end
  assert(type(debug.getregistry()) == "table" and debug.getregistry() == debug.getregistry())
  assert(debug.gethook() == nil)
end
