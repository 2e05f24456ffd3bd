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
