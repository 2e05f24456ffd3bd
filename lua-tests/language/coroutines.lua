-- Manual §2.6: coroutines as a language feature. The library functions are in stdlib/coroutine.lua.

-- Values travel both ways.
do
  local co = coroutine.create(function(a, b)
    assert(a == 1 and b == 2, "first resume passes arguments")
    local c, d, e = coroutine.yield(a + b, "first")
    assert(c == "x" and d == nil and e == "z", "later resumes pass yield's results")
    local n = select("#", coroutine.yield())
    assert(n == 0, "no values")
    return "end", nil, nil
  end)
  local function pack(...) return { n = select("#", ...), ... } end
  local r = pack(coroutine.resume(co, 1, 2))
  assert(r.n == 3 and r[1] == true and r[2] == 3 and r[3] == "first", "yield's arguments are resume's results")
  assert(pack(coroutine.resume(co, "x", nil, "z")).n == 1, "yield without values")
  r = pack(coroutine.resume(co))
  assert(r.n == 4 and r[2] == "end" and coroutine.status(co) == "dead", "return values, trailing nils included")
  r = pack(coroutine.resume(co))
  assert(r.n == 2 and r[1] == false and r[2] == "cannot resume dead coroutine", "dead coroutines cannot be resumed")
end

-- Status as seen from everywhere.
do
  local outer, inner
  local log = {}
  inner = coroutine.create(function()
    log[#log + 1] = coroutine.status(outer) .. "/" .. coroutine.status(inner)
    coroutine.yield()
  end)
  outer = coroutine.create(function()
    coroutine.resume(inner)
    log[#log + 1] = coroutine.status(outer) .. "/" .. coroutine.status(inner)
    coroutine.yield()
  end)
  assert(coroutine.status(outer) == "suspended", "not yet started")
  coroutine.resume(outer)
  assert(table.concat(log, " ") == "normal/running running/suspended", table.concat(log, " "))
  coroutine.resume(outer)
  assert(coroutine.status(outer) == "dead" and coroutine.status(inner) == "suspended", "after the end")
end

-- Illegal resumes.
do
  local co
  co = coroutine.create(function() return coroutine.resume(co) end)
  local ok, inner_ok, message = coroutine.resume(co)
  assert(ok and inner_ok == false and message == "cannot resume non-suspended coroutine", message)
  local parent
  parent = coroutine.create(function()
    return coroutine.resume(coroutine.create(function() return coroutine.resume(parent) end))
  end)
  local _, ok1, ok2, text = coroutine.resume(parent)
  assert(ok1 == true and ok2 == false and text == "cannot resume non-suspended coroutine", text)
  local main = coroutine.running()
  ok, message = coroutine.resume(main)
  assert(ok == false and message == "cannot resume non-suspended coroutine", "nor the running one: " .. message)
  local self
  self = coroutine.wrap(function() return self() end)
  ok, message = pcall(self)
  assert(not ok and message:find("cannot resume"), message)
end

-- Producers, consumers, filters.
do
  local function producer(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
  local function filter(source, f)
    return coroutine.wrap(function() for v in source do if f(v) then coroutine.yield(v) end end end)
  end
  local sum = 0
  for v in filter(filter(producer(100), function(x) return x % 2 == 0 end), function(x) return x % 5 == 0 end) do
    sum = sum + v
  end
  assert(sum == 550, "pipeline of coroutines")
  local function permute(a, n)
    if n <= 1 then coroutine.yield(a) return end
    for i = 1, n do
      a[n], a[i] = a[i], a[n]
      permute(a, n - 1)
      a[n], a[i] = a[i], a[n]
    end
  end
  local seen, count = {}, 0
  for p in coroutine.wrap(function() permute({ 1, 2, 3, 4 }, 4) end) do
    local key = table.concat(p)
    assert(not seen[key], "permutations are distinct")
    seen[key], count = true, count + 1
  end
  assert(count == 24, "yield from nested recursive calls")
  local function tree(n) if n == 0 then return end return { l = tree(n - 1), v = n, r = tree(n - 1) } end
  local function walk(t) if t then walk(t.l) coroutine.yield(t.v) walk(t.r) end end
  local s = {}
  for v in coroutine.wrap(function() walk(tree(4)) end) do s[#s + 1] = v end
  assert(table.concat(s) == "121312141213121", "in-order walk")
end

-- Yield across pcall, xpcall and error recovery after it.
do
  local co = coroutine.wrap(function()
    local ok, v = pcall(function() local x = coroutine.yield("in pcall") return x * 2 end)
    assert(ok and v == 20, "result after resuming inside pcall")
    ok, v = pcall(function() coroutine.yield("before error") error("late", 0) end)
    assert(not ok and v == "late", "error after resuming is still caught")
    ok, v = xpcall(function() coroutine.yield("in xpcall") error("e", 0) end, function(m) return m .. "!" end)
    assert(not ok and v == "e!", "the handler survives the switch")
    ok, v = pcall(pcall, function() coroutine.yield("nested") error("n", 0) end)
    assert(ok and v == false, "nested pcall")
    local n = select("#", pcall(coroutine.yield, "direct", 1, 2))
    assert(n == 4, "pcall(coroutine.yield) returns what resume passed")
    return "end"
  end)
  assert(co() == "in pcall" and co(10) == "before error" and co() == "in xpcall" and co() == "nested")
  local a, b, c = co()
  assert(a == "direct" and b == 1 and c == 2 and co(1, nil, 3) == "end")
end

-- Yield inside iterators of the generic for.
do
  local function it(s, i) coroutine.yield("step " .. i) if i < s then return i + 1 end end
  local co = coroutine.wrap(function()
    local sum = 0
    for i in it, 3, 0 do sum = sum + i end
    return sum
  end)
  assert(co() == "step 0" and co() == "step 1" and co() == "step 2" and co() == "step 3" and co() == 6)
end

-- Where 5.3 forbids yielding.
do
  local expected = "attempt to yield across a C-call boundary"
  local function inside(f, ...)
    local co = coroutine.create(f)
    local ok, message = coroutine.resume(co, ...)
    assert(not ok, "should not be able to yield")
    assert(tostring(message):find(expected, 1, true), tostring(message))
    assert(coroutine.status(co) == "dead")
  end
  inside(function() table.sort({ 3, 2, 1 }, function(a, b) coroutine.yield() return a < b end) end)
  inside(function() return (("abc"):gsub(".", function(c) coroutine.yield(c) end)) end)
  inside(function() error((select(2, load(function() coroutine.yield() end)))) end)
  inside(function() return tostring(setmetatable({}, { __tostring = function() coroutine.yield() return "" end })) end)
  inside(function() return table.concat(setmetatable({}, { __len = function() return coroutine.yield() end })) end)
end

-- running and isyieldable.
do
  local main, is_main = coroutine.running()
  assert(type(main) == "thread" and is_main == true and not coroutine.isyieldable(), "main thread")
  local co
  co = coroutine.create(function()
    local me, flag = coroutine.running()
    assert(me == co and flag == false and coroutine.isyieldable(), "inside a coroutine")
    assert(pcall(coroutine.isyieldable) and select(2, pcall(coroutine.isyieldable)), "inside pcall too")
    local within
    table.sort({ 2, 1 }, function(a, b) within = coroutine.isyieldable() return a < b end)
    assert(within == false, "not inside a sort comparator")
  end)
  assert(coroutine.resume(co))
end

-- Errors kill the coroutine and are reported to the resumer.
do
  local co = coroutine.create(function() coroutine.yield() error("dead end", 0) end)
  assert(coroutine.resume(co))
  local ok, message = coroutine.resume(co)
  assert(ok == false and message == "dead end" and coroutine.status(co) == "dead")
  local object = {}
  ok, message = coroutine.resume(coroutine.create(error), object)
  assert(ok == false and message == object, "error objects are passed as they are")
  local wrapped = coroutine.wrap(function() local x = nil; x() end)
  ok, message = pcall(wrapped)
  assert(not ok and message:find("coroutines%.lua:%d+: attempt to call a nil value %(local 'x'%)$"), message)
  ok, message = pcall(wrapped)
  assert(not ok and message:find("cannot resume dead coroutine$"), message)
  -- The error passes through several levels of wrap.
  local function level(n)
    if n == 0 then error("bottom", 0) end
    coroutine.wrap(level)(n - 1)
  end
  ok, message = pcall(level, 10)
  assert(not ok and message:find("bottom"), message)
end

-- Each coroutine has its own stack; upvalues are shared.
do
  local shared = 0
  local cos = {}
  for i = 1, 10 do
    cos[i] = coroutine.wrap(function()
      local own = 0
      while true do own, shared = own + i, shared + 1 coroutine.yield(own) end
    end)
  end
  for round = 1, 5 do
    for i = 1, 10 do assert(cos[i]() == i * round, "own locals") end
  end
  assert(shared == 50, "shared upvalue")
  -- A local captured from another coroutine's live frame.
  local get, set
  local co = coroutine.create(function()
    local v = 1
    get, set = function() return v end, function(n) v = n end
    coroutine.yield()
    assert(v == 99, "assignment from outside is seen in the frame")
    v = v + 1
    coroutine.yield()
    error("close")
  end)
  coroutine.resume(co)
  assert(get() == 1)
  set(99)
  assert(get() == 99 and coroutine.resume(co) and get() == 100, "and the frame's assignment outside")
  assert(not coroutine.resume(co) and get() == 100, "the variable outlives the coroutine")
  set(5)
  assert(get() == 5)
end

-- Varargs and open results across yields.
do
  local co = coroutine.wrap(function(...)
    local t = { ..., coroutine.yield(...) }
    local u = { coroutine.yield(#t) }
    return select("#", ...), #u, ...
  end)
  assert(select("#", co(1, 2, 3)) == 3, "yield of varargs")
  assert(co("a", "b") == 3, "results of yield are spread in a constructor: " .. 3)
  local n, m, a, b, c = co("u", "v", "w")
  assert(n == 3 and m == 3 and a == 1 and b == 2 and c == 3, "varargs survive")
  local many = coroutine.wrap(function(...) return coroutine.yield(...) end)
  local list = {}
  for i = 1, 200 do list[i] = i end
  assert(select("#", many(table.unpack(list))) == 200 and select("#", many(table.unpack(list))) == 200, "200 values")
end

-- Yield in every argument position keeps evaluation order.
do
  local function y(v) return coroutine.yield(v) end
  local co = coroutine.wrap(function()
    local s = y(1) .. y(2) .. y(3)
    local t = { y(4), k = y(5), y(6) }
    t[y(7)] = y(8)
    return s, t[1] .. t.k .. t[2], t.seven, math.max(y(9), y(10), y(11))
  end)
  local feed = { "a", "b", "c", "d", "e", "f", "seven", "eight", 1, 3, 2 }
  local v = co()
  for i = 1, 10 do assert(v == i, "order " .. i) v = co(feed[i]) end
  assert(v == 11)
  local s, t, seven, max = co(feed[11])
  assert(s == "abc" and t == "def" and seven == "eight" and max == 3)
end

-- Deep stacks inside coroutines and many coroutines.
do
  local function depth(n) if n == 0 then return coroutine.yield("deep") end return 1 + depth(n - 1) end
  local co = coroutine.wrap(depth)
  assert(co(5000) == "deep" and co(0) == 5000, "yield from 5000 frames deep")
  local all = {}
  for i = 1, 500 do
    all[i] = coroutine.wrap(function() local x = coroutine.yield(i) return x end)
    assert(all[i]() == i)
  end
  for i = 500, 1, -1 do assert(all[i](-i) == -i, "resumed in reverse order") end
  local overflow = coroutine.create(function() local function f() return 1 + f() end return f() end)
  local ok, message = coroutine.resume(overflow)
  assert(not ok and message:find("stack overflow"), message)
  -- Coroutines resuming coroutines.
  local function nest(n) if n == 0 then return "core" end return coroutine.wrap(nest)(n - 1) end
  assert(nest(100) == "core", "nested resumes")
  local function forever() return coroutine.wrap(forever)() end
  ok, message = pcall(forever)
  assert(not ok and message:find("stack overflow"), "unbounded nesting is an error: " .. tostring(message))
end

-- A coroutine that wraps the same function twice is two coroutines; wrap in wrap.
do
  local function gen() coroutine.yield(1) coroutine.yield(2) end
  local a, b = coroutine.wrap(gen), coroutine.wrap(gen)
  assert(a() == 1 and a() == 2 and b() == 1 and b() == 2 and a() == nil and b() == nil, "independent")
  local outer = coroutine.wrap(function()
    local inner = coroutine.wrap(function() coroutine.yield("i1") return "i2" end)
    coroutine.yield(inner())
    coroutine.yield("o1")
    coroutine.yield(inner())
  end)
  assert(outer() == "i1" and outer() == "o1" and outer() == "i2", "inner yields go to the inner resumer")
end

-- A round-robin scheduler in plain Lua.
do
  local log, ready = {}, {}
  local function spawn(name, n)
    ready[#ready + 1] = coroutine.create(function()
      for i = 1, n do log[#log + 1] = name .. i coroutine.yield() end
    end)
  end
  spawn("a", 3) spawn("b", 1) spawn("c", 2)
  while #ready > 0 do
    local co = table.remove(ready, 1)
    assert(coroutine.resume(co))
    if coroutine.status(co) ~= "dead" then ready[#ready + 1] = co end
  end
  assert(table.concat(log, " ") == "a1 b1 c1 a2 c2 a3", table.concat(log, " "))
end
