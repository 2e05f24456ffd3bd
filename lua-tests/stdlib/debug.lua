-- Manual §6.10: the debug library, function by function.

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
  assert(debug.traceback(co) == "stack traceback:", "finished")
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

-- User values, the registry.
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
end

-- sethook and gethook.
do
  local function hook() end
  assert(select("#", debug.sethook(hook, "crl", 7)) == 0)
  local f, mask, count = debug.gethook()
  debug.sethook()
  assert(f == hook and mask == "crl" and count == 7)
  f, mask, count = debug.gethook()
  assert(f == nil and mask == "" and count == 0)
  debug.sethook(hook, "")
  assert(debug.gethook() == nil, "without events there is no hook")
  debug.sethook(hook, "xl", -1)
  f, mask, count = debug.gethook()
  debug.sethook(nil)
  assert(f == hook and mask == "l", "letters that mean nothing are ignored")
  fails("bad argument #2 to 'sethook' (string expected, got no value)", debug.sethook, hook)
  fails("bad argument #1 to 'sethook' (function expected, got table)", debug.sethook, {}, "l")
  fails("bad argument #3 to 'sethook' (number expected, got string)", debug.sethook, hook, "l", "x")
end

-- What `run` does as its hook is told: events with the names of functions, or lines counted from `first`.
local function observe(mask, run, first)
  local seen = {}
  local function hook(event, line)
    local info = debug.getinfo(2, "nS")
    if info.what ~= "C" or info.name ~= "sethook" then
      seen[#seen + 1] = line and tostring(line - first) or event .. " " .. (info.name or "?")
    end
  end
  debug.sethook(hook, mask)
  run()
  debug.sethook()
  return table.concat(seen, ", ")
end

-- Calls and returns, of native functions too.
do
  local function leaf() end
  local function tail() return leaf() end
  local function run()
    leaf()
    tail()
    math.abs(1)
    pcall(leaf)
    local t = setmetatable({}, { __index = function() return 1 end, __len = math.abs })
    return t.x
  end
  assert(observe("c", leaf) == "call run")
  local calls = "call run, call leaf, call tail, tail call ?, call abs, call pcall, call ?, call setmetatable, call __index"
  assert(observe("c", run) == calls, observe("c", run))
  assert(observe("r", leaf) == "return run")
  local returns = "return leaf, return ?, return abs, return ?, return pcall, return setmetatable, return __index, return run"
  assert(observe("r", run) == returns, observe("r", run))
  assert(observe("r", function() pcall(error) end) == "return pcall, return run", "what fails does not return")
  local values
  assert(observe("cr", function() values = { string.byte("xyz", 1, -1) } end) == "call run, call byte, return byte, return run")
  assert(#values == 3 and values[1] == 120 and values[3] == 122, "results survive the hook")
end

-- Lines: a new one, or a jump back.
do
  local first = debug.getinfo(1, "l").currentline
  local function lines(run)
    return (observe("l", run, first):gsub("%-%d+[, ]*", ""):gsub(", $", ""))
  end
  local function straight()
    local a = 1
    local b = a + 1 local c = b

    return c
  end
  local function loops()
    for i = 1, 2 do
      local _ = i
    end
    for i = 1, 3 do local _ = i end
    for i = 1, 0 do local _ = i end
    local n = 2
    while n > 0 do
      n = n - 1
    end
    repeat
      n = n + 1
    until n == 2
    for _ in pairs { 1, 2 } do
      n = 0
    end
    while true do
      if n == 0 then
        break
      end
    end
    repeat n = 2 until true
  end
  local function branches()
    local x
    if
      x
    then
      x = 1
    elseif not x then
      x = 2
    end
    local t = {
      1,
      f = x,
    }
    t = (
      x
    )
    return straight(
      t,
      2
    )
  end
  local function shared()
    local x, y = 1
    for i = 1, 2 do
      y = function() x = x + i i = 0 end
    end
    y()
    local function again(n)
      if n > 0 then return again(n - 1) end
    end
    again(1)
  end
  assert(lines(straight) == "5, 6, 8", lines(straight))
  assert(lines(loops) == "11, 12, 11, 12, 11, 14, 14, 14, 14, 15, 16, 17, 18, 17, 18, 17, 21, 22, 21, 22, 23, 24, 23, 24, 23, 27, 31, 32", lines(loops))
  assert(lines(branches) == "34, 37, 39, 40, 42, 43, 44, 45, 48, 49, 50, 52, 49, 5, 6, 8", lines(branches))
  assert(lines(shared) == "55, 56, 57, 56, 57, 56, 59, 57, 62, 63, 61, 61, 62, 64", lines(shared))
end

-- Counts.
do
  local count = 0
  debug.sethook(function(event, line)
    assert(event == "count" and line == nil)
    count = count + 1
  end, "", 10)
  for _ = 1, 1000 do end
  debug.sethook()
  assert(count >= 100, "the hook's own instructions may count or not")
  debug.sethook(function() error("too long", 0) end, "", 1000)
  local ok, message = pcall(function() while true do end end)
  debug.sethook()
  assert(not ok and message == "too long", "a hook may raise an error")
end

-- A hook is not called while one runs, sees what it interrupts, and may change itself.
do
  local level, depth, name = nil, 0, nil
  local function hook(event)
    depth = depth + 1
    assert(depth == 1, "no hook in a hook")
    pcall(string.rep, "x", 1)
    local info = debug.getinfo(1, "n")
    if event == "line" then level, name = info.namewhat, info.name end
    depth = depth - 1
  end
  debug.sethook(hook, "crl", 1)
  local x = 1
  debug.sethook()
  assert(level == "hook" and name == "?" and x == 1)
  local where
  debug.sethook(function() where = debug.traceback("m") end, "l")
  x = 2
  debug.sethook()
  assert(where:find("^m\nstack traceback:\n\t[^\n]*:%d+: in hook '%?'\n\t[^\n]*:%d+: in main chunk"), where)
  local events = {}
  debug.sethook(function(event)
    events[#events + 1] = event
    debug.sethook(function(other) events[#events + 1] = other debug.sethook() end, "l")
  end, "c")
  math.abs(x)
  x = 3
  assert(table.concat(events, " ") == "call line" and debug.gethook() == nil)
  -- Locals of the interrupted function, temporaries included; values in flight are kept.
  local seen = {}
  local function f(a, b) return a + b, b end
  debug.sethook(function()
    local n, v = debug.getlocal(2, 1)
    if n == "a" then
      seen[#seen + 1] = v
      debug.setlocal(2, 2, 100)
      collectgarbage()
    end
  end, "l")
  local r = { f(1, 2) }
  debug.sethook()
  assert(#seen == 1 and seen[1] == 1 and #r == 2 and r[1] == 101 and r[2] == 100)
  debug.sethook(function() collectgarbage() string.rep("x", 10) end, "", 1)
  r = { 0, f(1, (select(2, 1, 2))), table.unpack({ 7, 8, 9 }) }
  debug.sethook()
  assert(table.concat(r, " ") == "0 3 7 8 9")
end

-- A hook is that of one coroutine.
do
  local n = 0
  local co = coroutine.create(function(x)
    local y = coroutine.yield(x)
    return y
  end)
  local function hook() n = n + 1 end
  debug.sethook(co, hook, "l")
  assert(debug.gethook(co) == hook and debug.gethook() == nil)
  local _ = 1
  assert(n == 0)
  assert(select(2, coroutine.resume(co, 5)) == 5 and n == 1)
  assert(select(2, coroutine.resume(co, 6)) == 6 and n == 2)
  n = 0
  debug.sethook(hook, "l")
  coroutine.wrap(function()
    local a = 1
    n = n + 100
  end)()
  debug.sethook()
  assert(n >= 102, "only the line with the call and the next")
  local yielded = coroutine.wrap(function()
    local ok, message = pcall(function()
      debug.sethook(function() debug.sethook() coroutine.yield() end, "l")
      local a = 1
    end)
    return ok, message
  end)
  local ok, message = yielded()
  assert(not ok and message == "attempt to yield across a C-call boundary")
end

-- Temporaries, extra arguments, and the values of native functions.
do
  local function f(a, ...)
    local b = 3
    local names = {}
    for i = -1, -4, -1 do names[#names + 1] = tostring(debug.getlocal(1, i)) end
    assert(table.concat(names, " ") == "(*vararg) (*vararg) nil nil")
    assert(select(2, debug.getlocal(1, -2)) == "y" and debug.setlocal(1, -2, "z") == "(*vararg)")
    assert(debug.setlocal(1, -3, 0) == nil and debug.getlocal(1, 0) == nil)
    return a, b, ...
  end
  local r = { f(1, "x", "y") }
  assert(#r == 4 and r[4] == "z")
  local function temporary()
    local name, value = debug.getlocal(2, 3)
    assert(name == "(*temporary)" and value == 11)
    assert(debug.setlocal(2, 3, 20) == "(*temporary)" and debug.getlocal(2, 4) == nil)
    return 1
  end
  local function g(a, b) return (a + b) + temporary() end
  assert(g(10, 1) == 21)
  local name, value = debug.getlocal(0, 1)
  assert(name == "(*temporary)" and value == 0)
  name, value = debug.getlocal(0, 2)
  assert(name == "(*temporary)" and value == 2 and debug.getlocal(0, 3) == nil)
end

-- Tail calls.
do
  local inner
  local function last() inner = debug.getinfo(1, "nt") return (debug.traceback("m")) end
  local function middle() return last() end
  local function first() local text = middle() return text end
  local text = first()
  assert(inner.istailcall and inner.name == nil and inner.namewhat == "")
  assert(text:find("^m\nstack traceback:\n\t[^\n]*: in function <[^\n]*>\n\t%(%.%.%.tail calls%.%.%.%)\n\t[^\n]*: in upvalue 'first'\n")
    or text:find("^m\nstack traceback:\n\t[^\n]*: in function <[^\n]*>\n\t%(%.%.%.tail calls%.%.%.%)\n\t[^\n]*: in local 'first'\n"), text)
  assert(debug.getinfo(1, "t").istailcall == false and debug.getinfo(print, "t").istailcall == false)
  local function count(n) if n > 0 then return count(n - 1) end return debug.getinfo(1, "t").istailcall, n end
  local was, zero = count(1000)
  assert(was == true and zero == 0, "results of tail calls")
  assert(select("#", (function() return (function() end)() end)()) == 0)
end

-- Tracebacks: names, and the middle of long ones left out.
do
  local function text_of(f) return (select(2, xpcall(f, debug.traceback))) end
  local text = text_of(function() local t = setmetatable({}, { __index = function() error("x") end }) return t.y end)
  assert(text:find("x\nstack traceback:\n\t%[C%]: in function 'error'\n\t[^\n]*: in metamethod '__index'\n\t[^\n]*: in function <"), text)
  text = text_of(function() for _ in function() error("x") end do end end)
  assert(text:find("in for iterator 'for iterator'\n"), text)
  function GlobalFunction() error("x") end
  text = text_of(function() local alias = GlobalFunction alias() end)
  assert(text:find("in function 'GlobalFunction'\n"), text)
  GlobalFunction = nil
  local function deep(n) if n == 0 then return (debug.traceback("m")) end return (deep(n - 1)) end
  local function lines(n)
    local text = coroutine.wrap(deep)(n)
    return select(2, text:gsub("\n", "")) - 1, text:find("\n\t...\n", 1, true) ~= nil
  end
  local n, cut = lines(21)
  assert(n == 22 and not cut)
  n, cut = lines(22)
  assert(n == 22 and cut)
  n, cut = lines(1000)
  assert(n == 22 and cut)
end

-- The stack of a coroutine that failed.
do
  local function f(n) if n == 0 then error("deep") end f(n - 1) end
  local co = coroutine.create(function() local mark = 12 f(2) return mark end)
  local ok, message = coroutine.resume(co)
  assert(not ok and coroutine.status(co) == "dead")
  local text = debug.traceback(co, message)
  local _, levels = text:gsub("in upvalue 'f'", "")
  assert(levels == 3 and text:find("deep\nstack traceback:\n\t%[C%]: in function 'error'\n"), text)
  assert(debug.getinfo(co, 0, "n").name == "error" and debug.getinfo(co, 1, "n").name == "f")
  local name, value = debug.getlocal(co, 4, 1)
  assert(name == "mark" and value == 12)
  collectgarbage()
  assert(debug.traceback(co, message) == text)
  assert(debug.traceback(coroutine.create(print)) == "stack traceback:")
end

-- Message handlers see the place of the error, and are called for their own errors.
do
  local name, caller
  xpcall(function() local x = nil + 1 end, function() name = debug.getinfo(2, "S").what end)
  assert(name == "Lua")
  xpcall(error, function() name, caller = debug.getinfo(2, "f").func, debug.getinfo(3, "f").func end)
  assert(name == error and caller == xpcall)
  local calls = 0
  local ok, message = xpcall(error, function(m) calls = calls + 1 if calls < 3 then error(m .. calls, 0) end return m end, "m")
  assert(not ok and message == "m12" and calls == 3)
  ok, message = xpcall(error, error)
  assert(not ok and message == "error in error handling")
  local function loop() return 1 + loop() end
  for _ = 1, 2 do
    ok, message = xpcall(loop, function(m)
      assert(m:find("stack overflow"))
      return select(2, pcall(loop))
    end)
    assert(not ok and message == "error in error handling")
    ok, message = pcall(loop)
    assert(not ok and message:find("stack overflow"), "the stack is as good as before")
  end
end

-- Variables that closures share, reassigned or not.
do
  local a, b = 1, {}
  local function f() return a, b end
  local function g() return b, a end
  assert(debug.upvalueid(f, 1) == debug.upvalueid(g, 2) and debug.upvalueid(f, 2) == debug.upvalueid(g, 1))
  assert(debug.upvalueid(f, 1) ~= debug.upvalueid(f, 2))
  assert(debug.setupvalue(f, 1, 5) == "a" and a == 5 and select(2, g()) == 5)
  local function itself() return itself end
  local old = itself
  assert(debug.setupvalue(itself, 1, 7) == "itself" and itself == 7 and old() == 7)
  local fs = {}
  for i = 1, 3 do fs[i] = function() return i end end
  assert(debug.upvalueid(fs[1], 1) ~= debug.upvalueid(fs[2], 1))
  debug.setupvalue(fs[2], 1, "two")
  assert(fs[1]() == 1 and fs[2]() == "two" and fs[3]() == 3)
  debug.upvaluejoin(fs[1], 1, fs[2], 1)
  assert(fs[1]() == "two" and debug.upvalueid(fs[1], 1) == debug.upvalueid(fs[2], 1))
  local function param(p) return function() return p end end
  local q = param(1)
  debug.setupvalue(q, 1, 2)
  assert(q() == 2 and param(3)() == 3)
  local iterator = string.gmatch("x", "x")
  assert(debug.getupvalue(iterator, 1) == "" and debug.upvalueid(iterator, 1) ~= nil)
  fails("bad argument #1 to 'upvaluejoin' (Lua function expected)", debug.upvaluejoin, iterator, 1, f, 1)
  fails("bad argument #3 to 'upvaluejoin' (Lua function expected)", debug.upvaluejoin, f, 1, iterator, 1)
end

-- Finalizers run without hooks.
do
  local events, finalized = 0, false
  setmetatable({}, { __gc = function()
    local before = events
    local x = 1
    finalized = events == before
  end })
  debug.sethook(function() events = events + 1 end, "l")
  collectgarbage()
  debug.sethook()
  assert(finalized == true and events > 0)
end

-- A function made again has the variables its maker has now.
do
  local a, b = 1, 2
  local function make() return function() return a end end
  local first = make()
  debug.upvaluejoin(make, 1, function() return b end, 1)
  local second = make()
  assert(first() == 1 and second() == 2)
  debug.upvaluejoin(second, 1, first, 1)
  assert(second() == 1 and make()() == 2)
end
