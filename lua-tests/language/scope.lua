-- Manual §3.5: visibility rules; upvalues.

-- The manual's example.
do
  x = 10
  do
    local x = x
    assert(x == 10)
    x = x + 1
    do
      local x = x + 1
      assert(x == 12)
    end
    assert(x == 11)
  end
  assert(x == 10)
  x = nil
end

-- Shadowing: parameters, loop variables, functions, same statement.
do
  local a = 1
  local function f(a) a = a + 1 local a = a * 10 return a end
  assert(f(4) == 50 and a == 1, "parameter shadows, redeclaration shadows the parameter")
  local a, a = 2, 3
  assert(a == 3, "the later of two equal names wins")
  local function g(p, p) return p end
  assert(g(1, 2) == 2, "for parameters as well")
  for a = 1, 1 do for a = 10, 10 do assert(a == 10) end assert(a == 1) end
  local function a() return "function" end
  assert(a() == "function")
end

-- A closure per evaluation, a variable per execution of its declaration.
do
  local made = {}
  for i = 1, 3 do
    local y = 0
    made[i] = function() y = y + 1 i = i + 10 return i, y end
  end
  local i, y = made[1]()
  assert(i == 11 and y == 1)
  i, y = made[1]()
  assert(i == 21 and y == 2)
  i, y = made[2]()
  assert(i == 12 and y == 1, "iterations do not share")
end

-- Two closures over one variable share it.
do
  local function pair(v) return function() return v end, function(n) v = n end end
  local get1, set1 = pair(1)
  local get2, set2 = pair(2)
  set1("one")
  assert(get1() == "one" and get2() == 2)
  set2("two")
  assert(get1() == "one" and get2() == "two")
end

-- Sharing with the live frame, before and after it ends.
do
  local log = {}
  local peek
  local function frame(p)
    peek = function() return p end
    p = p + 1
    log[1] = peek()
    local bump = function() p = p + 1 end
    bump()
    log[2] = p
    log[3] = peek()
    return bump
  end
  local bump = frame(1)
  assert(log[1] == 2 and log[2] == 3 and log[3] == 3 and peek() == 3)
  bump()
  assert(peek() == 4, "shared after the frame has ended")
end

-- Captured and reassigned, in every kind of declaration.
do
  local function check(get, set, direct)
    set("A")
    assert(get() == "A")
    set(get() .. "B")
    assert(get() == "AB")
  end
  local function parameter(v) check(function() return v end, function(n) v = n end) return v end
  assert(parameter(1) == "AB", "parameter")
  local function local_variable() local v = 1 check(function() return v end, function(n) v = n end) return v end
  assert(local_variable() == "AB", "local")
  local function unassigned() local v check(function() return v end, function(n) v = n end) return v end
  assert(unassigned() == "AB", "local without value")
  local function multiple() local a, v, b = 1, 2, 3 check(function() return v end, function(n) v = n end) return a .. v .. b end
  assert(multiple() == "1AB3", "middle of a list")
  local function from_call() local a, v = (function() return 1, 2 end)() check(function() return v end, function(n) v = n end) return v end
  assert(from_call() == "AB", "from a call")
  for v = 1, 1 do check(function() return v end, function(n) v = n end) assert(v == "AB", "numeric for") end
  for k, v in pairs { 1 } do
    check(function() return v end, function(n) v = n end)
    check(function() return k end, function(n) k = n end)
    assert(v == "AB" and k == "AB", "generic for")
  end
  local done = 0
  repeat local v = 1 check(function() return v end, function(n) v = n end) done = done + 1 until v == "AB" and done == 2
  assert(done == 2, "repeat")
  while done < 4 do local v = done check(function() return v end, function(n) v = n end) done = done + 1 end
  local function fn() return 1 end
  check(function() return fn end, function(n) fn = n end)
  assert(fn == "AB", "a local function's name is a variable")
  local function self_reference(n) if n == 0 then self_reference = "replaced" return end self_reference(n - 1) end
  self_reference(3)
  assert(self_reference == "replaced", "even from inside itself")
end

-- Loop variables captured and modified do not disturb the loop.
do
  local fs, n = {}, 0
  for i = 1, 5 do
    local inc = function() i = i + 100 end
    inc()
    assert(i == 100 + n + 1)
    n = n + 1
    fs[n] = function() return i end
  end
  assert(n == 5 and fs[1]() == 101 and fs[5]() == 105)
  n = 0
  for k, v in ipairs { "a", "b", "c" } do
    local change = function() k = k * 10 v = v .. k end
    change()
    n = n + 1
    assert(v == ("abc"):sub(n, n) .. n * 10)
  end
  assert(n == 3)
  local fs2 = {}
  for i = 1, 10 do
    if i == 5 then break end
    fs2[i] = function() i = i + 1 return i end
  end
  assert(#fs2 == 4 and fs2[4]() == 5 and fs2[4]() == 6 and fs2[1]() == 2, "break closes")
end

-- Three levels deep: intermediate functions relay variables they do not use.
do
  local function level1(a)
    local b = a * 2
    return function(c)
      local d = c + 1
      return function(e)
        a, b, c, d = a + e, b + e, c + e, d + e
        return function() return a, b, c, d, e end
      end
    end
  end
  local l2 = level1(1)
  local l3, l3b = l2(10), l2(20)
  local get = l3(100)
  local a, b, c, d, e = get()
  assert(a == 101 and b == 102 and c == 110 and d == 111 and e == 100)
  local get2 = l3b(1000)
  a, b, c, d, e = get2()
  assert(a == 1101 and b == 1102 and c == 1020 and d == 1021 and e == 1000, "outer variables shared, inner ones not")
  a, b, c = get()
  assert(a == 1101 and b == 1102 and c == 110)
  local function relay() return function() return function() return function() return get end end end end
  assert(relay()()()() == get)
end

-- Siblings at different depths share one variable.
do
  local shared = 0
  local function up() shared = shared + 1 end
  local function deep() return function() return function() shared = shared * 2 end end end
  up() deep()()() up() deep()()()
  assert(shared == 6)
  local t = {}
  for i = 1, 3 do
    local v = i
    t[i] = { get = function() return v end, make = function() return function() v = v + 1 end end }
  end
  t[2].make()() t[2].make()()
  assert(t[1].get() == 1 and t[2].get() == 4 and t[3].get() == 3)
end

-- Mutual recursion through forward-declared locals.
do
  local even, odd
  function even(n) return n == 0 or odd(n - 1) end
  function odd(n) return n ~= 0 and even(n - 1) end
  assert(even(100) and not even(7) and odd(7))
  local old = even
  even = function() return "replaced" end
  assert(old(1) == false and odd(1) == "replaced", "calls go through the variable")
  local a, b, c
  a = function(n) return n <= 0 and "a" or b(n - 1) end
  b = function(n) return n <= 0 and "b" or c(n - 1) end
  c = function(n) return n <= 0 and "c" or a(n - 1) end
  assert(a(0) .. a(1) .. a(2) .. a(30) == "abca")
end

-- Blocks reuse registers; captured values must not.
do
  local f, g
  do local x = "first" f = function() return x end end
  do local y = "second" g = function() return y end end
  do local z = "third" assert(z == "third") end
  assert(f() == "first" and g() == "second")
  local fs = {}
  for i = 1, 3 do
    do local a = i fs[#fs + 1] = function() return a end end
    do local b = -i fs[#fs + 1] = function() return b end end
    if i % 2 == 1 then local c = i * 10 fs[#fs + 1] = function() return c end
    else local d = i * 100 fs[#fs + 1] = function() return d end end
  end
  local values = {}
  for i = 1, #fs do values[i] = fs[i]() end
  assert(table.concat(values, " ") == "1 -1 10 2 -2 200 3 -3 30", table.concat(values, " "))
end

-- goto continue over captured variables; while loops with continue.
do
  local fs = {}
  for i = 1, 6 do
    local j = i * i
    if i % 2 == 0 then goto continue end
    fs[#fs + 1] = function() j = j + 1 return j end
    ::continue::
  end
  assert(#fs == 3 and fs[1]() == 2 and fs[2]() == 10 and fs[3]() == 26 and fs[1]() == 3)
  local i, gs = 0, {}
  while i < 5 do
    i = i + 1
    local v = i
    gs[i] = function() return v end
    if i ~= 3 then goto next end
    v = "three"
    ::next::
  end
  assert(gs[1]() == 1 and gs[3]() == "three" and gs[5]() == 5)
end

-- Returns and errors out of blocks with captured variables.
do
  local get
  local function early(n)
    for i = 1, 10 do
      local v = i
      get = function() return v end
      if i == n then return get end
    end
  end
  assert(early(4)() == 4 and early(11) == nil and get() == 10)
  local ok = pcall(function() local v = "kept" get = function() return v end error() end)
  local filler1, filler2, filler3 = 1, 2, 3
  assert(not ok and get() == "kept")
  local function tail() local v = "tail" get = function() return v end return tostring(v) end
  assert(tail() == "tail" and get() == "tail")
end

-- Many upvalues.
do
  local src = {}
  for i = 1, 150 do src[#src + 1] = ("local u%d = %d"):format(i, i) end
  src[#src + 1] = "local function sum() return " .. (function() local t = {} for i = 1, 150 do t[i] = "u" .. i end return table.concat(t, "+") end)() .. " end"
  src[#src + 1] = "local function bump() for _ = 1, 2 do u1 = u1 + 1 u150 = u150 + 1 end end return sum, bump"
  local sum, bump = load(table.concat(src, "\n"))()
  assert(sum() == 11325)
  bump()
  assert(sum() == 11329)
end

-- Varargs and upvalues side by side.
do
  local function curry(f, ...)
    local bound, n = { ... }, select("#", ...)
    return function(...)
      local all = { table.unpack(bound, 1, n) }
      for i = 1, select("#", ...) do all[n + i] = (select(i, ...)) end
      return f(table.unpack(all, 1, n + select("#", ...)))
    end
  end
  assert(curry(math.max, 1, 9)(3, 4) == 9 and curry(select, 2)("a", "b") == "b")
end
