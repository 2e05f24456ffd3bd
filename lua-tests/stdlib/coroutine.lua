-- Manual §6.2: the coroutine library, function by function.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- create, resume.
do
  local co = coroutine.create(function(...) return select("#", ...), ... end)
  assert(type(co) == "thread")
  local r = table.pack(coroutine.resume(co, nil, 2, nil))
  assert(r.n == 5 and r[1] == true and r[2] == 3 and r[3] == nil and r[4] == 2)
  fails("bad argument #1 to 'create' (function expected, got number)", coroutine.create, 5)
  fails("bad argument #1 to 'create' (function expected, got no value)", coroutine.create)
  fails("bad argument #1 to 'resume' (thread expected)", coroutine.resume, print)
  fails("bad argument #1 to 'status' (thread expected)", coroutine.status)
  fails("bad argument #1 to 'wrap' (function expected, got table)", coroutine.wrap, {})
  co = coroutine.create(print)
  assert(coroutine.status(co) == "suspended", "library functions as bodies")
  co = coroutine.create(coroutine.yield)
  r = table.pack(coroutine.resume(co, 1, 2))
  assert(r.n == 3 and r[2] == 1 and coroutine.status(co) == "suspended")
  r = table.pack(coroutine.resume(co, "a", "b"))
  assert(r.n == 3 and r[2] == "a" and r[3] == "b" and coroutine.status(co) == "dead")
end

-- wrap.
do
  local f = coroutine.wrap(function(a) local b = coroutine.yield(a, a + 1) return b end)
  local x, y = f(1)
  assert(x == 1 and y == 2 and f("end") == "end")
  fails("cannot resume dead coroutine", f)
  local g = coroutine.wrap(function() error({ "object" }) end)
  local ok, e = pcall(g)
  assert(not ok and e[1] == "object")
  local words = {}
  for w in coroutine.wrap(function() for _, w in ipairs { "a", "b" } do coroutine.yield(w) end end) do words[#words + 1] = w end
  assert(table.concat(words) == "ab")
  local h = coroutine.wrap(pcall)
  assert(h(error, "e") == false)
end

-- status, running, isyieldable, across levels.
do
  local main = coroutine.running()
  assert(coroutine.status(main) == "running")
  local states = {}
  local co
  co = coroutine.create(function()
    states[1], states[2] = coroutine.status(co), coroutine.status(main)
    local inner = coroutine.create(function() states[3] = coroutine.status(co) end)
    coroutine.resume(inner)
    states[4] = coroutine.status(inner)
  end)
  coroutine.resume(co)
  assert(table.concat(states, " ") == "running normal normal dead", table.concat(states, " "))
  assert(select("#", coroutine.running()) == 2 and coroutine.isyieldable() == false)
end

-- yield in unusual places: last argument, as a value, through pcall'd library functions.
do
  local co = coroutine.wrap(function()
    local t = { coroutine.yield(), coroutine.yield() }
    return #t, math.max(coroutine.yield()), select("#", pcall(coroutine.yield, 1))
  end)
  co() co("a") co("b", "c")
  assert(co(3, 9, 4) == 1)
  local n, max, count = co("x", "y")
  assert(n == 3 and max == 9 and count == 3)
end

-- Errors carry the position of the failing coroutine; tracebacks do not matter here.
do
  local co = coroutine.create(function() local x = nil + 1 end)
  local ok, m = coroutine.resume(co)
  assert(not ok and m:find("attempt to perform arithmetic on a nil value"), m)
  co = coroutine.create(function() pcall(coroutine.yield, 1) error("after", 0) end)
  assert(select(2, coroutine.resume(co)) == 1)
  ok, m = coroutine.resume(co)
  assert(not ok and m == "after", "pcall left behind does not catch later errors")
end

-- Whom resume refuses; yield where there is nothing to yield from.
do
  local dead = coroutine.create(function() end)
  coroutine.resume(dead)
  assert(select(2, coroutine.resume(dead)) == "cannot resume dead coroutine")
  local itself
  itself = coroutine.create(function() return coroutine.resume(itself) end)
  local _, ok, message = coroutine.resume(itself)
  assert(ok == false and message == "cannot resume non-suspended coroutine")
  assert(select(2, coroutine.resume(coroutine.running())) == "cannot resume non-suspended coroutine")
  fails("attempt to yield from outside a coroutine", coroutine.yield)
  assert(coroutine.wrap(coroutine.isyieldable)() == true and coroutine.wrap(function() return select(2, coroutine.running()) end)() == false)
  local co = coroutine.wrap(function() table.sort({ 1, 2, 3 }, function() coroutine.yield() end) end)
  fails("attempt to yield across a C-call boundary", co)
  co = coroutine.wrap(function() return ("x"):gsub("x", function() coroutine.yield() end) end)
  fails("attempt to yield across a C-call boundary", co)
end

-- Every metamethod of an operator may yield.
do
  local meta, names = {}, {}
  for name in ("add index lt concat eq len call newindex unm"):gmatch("%a+") do
    meta["__" .. name] = function() return coroutine.yield(name) end
  end
  local a, b = setmetatable({}, meta), setmetatable({}, meta)
  local co = coroutine.wrap(function()
    local t = { a + 1, a.x, a < b, a .. "x", a == b, #a, a(), -a, not (a <= b) }
    a.y = 1
    return t
  end)
  local value, count = co(), 0
  while type(value) == "string" do
    names[#names + 1], count = value, count + 1
    value = co(count)
  end
  assert(table.concat(names, " ") == "add index lt concat eq len call unm lt newindex")
  assert(value[1] == 1 and value[2] == 2 and value[3] == true and value[4] == 4 and value[6] == 6 and value[7] == 7 and value[8] == 8)
end
