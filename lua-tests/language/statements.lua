-- Manual §3.3: statements.

local function syntax(expected, source)
  local chunk, message = load(source, "=s")
  assert(chunk == nil and message == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- Assignment: adjustment, order, swaps.
do
  local a, b, c = 1, 2
  assert(a == 1 and b == 2 and c == nil, "missing values are nil")
  a, b = 1, 2, 3
  assert(a == 1 and b == 2, "extra values are dropped")
  a, b, c = (function() return 1, 2, 3 end)()
  assert(a == 1 and b == 2 and c == 3, "a call in last position expands")
  a, b, c = (function() return 1, 2, 3 end)(), 10
  assert(a == 1 and b == 10 and c == nil, "elsewhere it gives one value")
  a, b, c = ((function() return 1, 2, 3 end)())
  assert(a == 1 and b == nil and c == nil, "parentheses adjust to one")
  a, b = b, a
  assert(a == nil and b == 1, "swap")
  a, b, c = 1, 2, 3
  a, b, c = c, a, b
  assert(a == 3 and b == 1 and c == 2, "rotation")
  local t = { 1, 2, 3 }
  t[1], t[2], t[3] = t[3], t[1], t[2]
  assert(t[1] == 3 and t[2] == 1 and t[3] == 2, "rotation in a table")
  local i = 1
  i, t[i] = i + 1, 20
  assert(i == 2 and t[1] == 20 and t[2] == 1, "the manual's example: subscripts first")
  local u = t
  u, u.x = nil, "set"
  assert(u == nil and t.x == "set", "table expression evaluated before the assignment")
  do
    local a = {}
    local i, j = 1, 2
    a[i], a[j], i, j = "one", "two", j, i
    assert(a[1] == "one" and a[2] == "two" and i == 2 and j == 1)
  end
  local f = function(...) return ... end
  a, b, c = f()
  assert(a == nil and b == nil and c == nil, "a call without results gives nils")
  a, t.y, b = f(1, 2, 3)
  assert(a == 1 and t.y == 2 and b == 3, "mixed targets")
end

-- Evaluation happens left to right in practice for calls; all before any assignment.
do
  local log = {}
  local function l(x) log[#log + 1] = x return x end
  local t = setmetatable({}, { __newindex = function(t, k, v) log[#log + 1] = "set" .. k rawset(t, k, v) end })
  t[l "a"], t[l "b"] = l "x", l "y"
  assert(table.concat(log, " ", 1, 4) == "a b x y", "expressions before stores: " .. table.concat(log, " "))
  assert(t.a == "x" and t.b == "y", "stored")
end

-- while, repeat, break.
do
  local n = 0
  while n < 10 do n = n + 1 if n == 5 then break end end
  assert(n == 5, "break leaves the loop")
  while false do error "never" end
  while nil do error "never" end
  repeat n = n - 1 until n <= 0
  assert(n == 0, "repeat")
  repeat n = n + 1 until true
  assert(n == 1, "body runs at least once")
  repeat local inner = n n = n + 1 until inner >= 3
  assert(n == 4, "the condition sees the body's locals")
  local outer = 0
  while true do
    outer = outer + 1
    while true do break end
    repeat if outer > 2 then break end until true
    if outer == 3 then break end
  end
  assert(outer == 3, "break leaves the innermost loop only")
  local fs = {}
  repeat local k = #fs + 1 fs[k] = function() return k end until k == 3
  assert(fs[1]() == 1 and fs[2]() == 2 and fs[3]() == 3, "until condition with captured local")
  repeat
    local x = #fs
    if x > 100 then break end
    fs[x + 1] = function() return x end
  until x >= 5
  assert(fs[6]() == 5, "captured local used by the condition and by break")
end

-- if.
do
  local function grade(n)
    if n > 90 then return "A" elseif n > 80 then return "B" elseif n > 70 then return "C" else return "F" end
  end
  assert(grade(95) == "A" and grade(85) == "B" and grade(75) == "C" and grade(5) == "F", "elseif chain")
  local r = "none"
  if nil then r = 1 elseif false then r = 2 end
  assert(r == "none", "no branch")
  if true then elseif error() then else error() end
  if not nil and (1 or error()) and not (false or nil) then r = "ok" end
  assert(r == "ok", "compound condition")
  if (function() return true, false end)() then r = "one" end
  assert(r == "one", "condition is one value")
  local src = { "local n = ... if n == 0 then return 0" }
  for i = 1, 300 do src[#src + 1] = ("elseif n == %d then return %d"):format(i, i * 2) end
  src[#src + 1] = "else return -1 end"
  local f = load(table.concat(src, "\n"))
  assert(f(0) == 0 and f(1) == 2 and f(300) == 600 and f(301) == -1, "300 branches")
end

-- goto: forward, backward, out of blocks, continue, nested functions.
do
  local n = 0
  goto skip
  n = 100
  ::skip:: n = n + 1
  assert(n == 1, "forward")
  do
    ::back::
    n = n + 1
    if n < 5 then goto back end
  end
  assert(n == 5, "backward")
  local odd = {}
  for i = 1, 6 do
    if i % 2 == 0 then goto continue end
    odd[#odd + 1] = i
    ::continue::
  end
  assert(table.concat(odd) == "135", "continue")
  local count = 0
  for i = 1, 3 do
    for j = 1, 3 do
      if j == 2 then goto next_i end
      if i == 3 then goto out end
      count = count + 1
    end
    ::next_i::
  end
  ::out::
  assert(count == 2, "out of nested loops")
  local i = 1
  while i < 10 do
    i = i + 1
    if i % 3 ~= 0 then goto cont end
    count = count + i
    ::cont::
  end
  assert(count == 2 + 3 + 6 + 9, "continue in while")
  i = 0
  repeat
    i = i + 1
    if i == 2 then goto cont end
    count = count + 100
    ::cont::
  until i == 3
  assert(count == 220, "continue in repeat: " .. count)
end

-- goto and locals: fresh variables, closed upvalues, end-of-block rule.
do
  local fs = {}
  do
    local i = 1
    ::again::
    local x = i * 10
    fs[i] = function(v) if v then x = v end return x end
    i = i + 1
    if i <= 3 then goto again end
  end
  assert(fs[1]() == 10 and fs[2]() == 20 and fs[3]() == 30, "each pass makes a new variable")
  fs[1](99)
  assert(fs[1]() == 99 and fs[2]() == 20, "independent")
  do
    goto finish
    local late = 1
    ::finish::
  end
  do
    goto finish
    local late = 1
    ::finish:: ;
  end
  -- The manual's translation of closures in loops.
  local a = {}
  do
    local x = 1
    ::l1::
    local y = x
    a[x] = function() y = y + 1 return y end
    x = x + 1
    if x <= 2 then goto l1 end
  end
  assert(a[1]() == 2 and a[1]() == 3 and a[2]() == 3, "separate counters")
  -- Leaving a block by goto closes what was captured in it.
  local keep
  for i = 1, 2 do
    local v = i
    keep = function() v = v + 1 return v end
    if i == 1 then goto leave end
  end
  ::leave::
  local reuse1, reuse2 = "r1", "r2"
  assert(keep() == 2 and keep() == 3 and reuse1 == "r1", "captured variable left its register")
end

-- Labels: visibility, same names in different blocks and functions.
do
  local log = ""
  do goto l log = log .. "x" ::l:: end
  do goto l log = log .. "y" ::l:: end
  local function f() goto l do log = log .. "z" end ::l:: return "f" end
  assert(f() == "f" and log == "", "labels are per block")
  do
    local n = 0
    ::l::
    do
      n = n + 1
      if n < 3 then goto l end
    end
    assert(n == 3, "an enclosing block's label is visible")
  end
  syntax("s:1: no visible label 'nope' for <goto> at line 1", "goto nope")
  syntax("s:1: no visible label 'l' for <goto> at line 1", "goto l do ::l:: end")
  syntax("s:1: no visible label 'l' for <goto> at line 1", "::l:: local f = function() goto l end")
  syntax("s:1: label 'l' already defined on line 1", "::l:: ::l::")
  syntax("s:3: label 'l' already defined on line 1", "::l::\n\n::l::")
  syntax("s:1: <goto l> at line 1 jumps into the scope of local 'x'", "goto l local x ::l:: x = 1")
  syntax("s:1: <goto l> at line 1 jumps into the scope of local 'x'", "do goto l local x ::l:: print(x) end")
  syntax("s:1: <goto c> at line 1 jumps into the scope of local 'x'", "repeat if x then goto c end local x ::c:: until x")
  assert(load("do ::l:: end ::l:: goto l2 ::l2::"), "sibling blocks may reuse a name")
  syntax("s:1: <break> at line 1 not inside a loop", "break")
  syntax("s:1: <break> at line 1 not inside a loop", "while true do local function f() break end end")
  syntax("s:1: <break> at line 1 not inside a loop", "if x then break end")
end

-- Numeric for with integers.
do
  local function run(a, b, c)
    local n, last, sum = 0, nil, 0
    for i = a, b, c or 1 do
      n, last, sum = n + 1, i, sum + i
      if n > 100 then break end
    end
    return n, last, sum
  end
  local function is(n, last, a, b, c)
    local rn, rl = run(a, b, c)
    assert(rn == n and rl == last and math.type(rl) == math.type(last),
      ("for %s,%s,%s: %s iterations, last %s"):format(a, b, c, rn, rl))
  end
  is(10, 10, 1, 10)
  is(0, nil, 1, 0)
  is(1, 1, 1, 1)
  is(3, 9, 1, 10, 4)
  is(10, 1, 10, 1, -1)
  is(0, nil, 1, 10, -1)
  is(4, -8, 1, -10, -3)
  is(3, math.mininteger + 2, math.mininteger, math.mininteger + 2)
  is(3, math.maxinteger - 2, math.maxinteger, math.maxinteger - 2, -1)
  is(3, math.maxinteger - 1, math.maxinteger - 3, math.maxinteger - 1)
  is(1, 0, 0, 5, math.maxinteger)
  is(1, 0, 0, -5, math.mininteger)
  -- Float limits are clipped when start and step are integers.
  is(3, 3, 1, 3.9)
  is(3, 1, 3, 0.1, -1)
  is(0, nil, 1, 0.99)
  is(0, nil, 1, -math.huge)
  is(101, 101, 1, math.huge)
  is(101, -101, -1, -math.huge, -1)
  is(101, 101, 1, 1e300)
  is(0, nil, 1, 0 / 0)
end

-- Numeric for with floats: the sum of steps, type of the control variable.
do
  local values = {}
  for x = 0, 1, 0.25 do values[#values + 1] = x end
  assert(table.concat(values, " ") == "0.0 0.25 0.5 0.75 1.0", table.concat(values, " "))
  values = {}
  for x = 1.0, 3 do values[#values + 1] = x end
  assert(table.concat(values, " ") == "1.0 2.0 3.0", "a float start makes it a float loop")
  local n, last = 0, nil
  for x = 0.1, 1, 0.1 do n, last = n + 1, x end
  local check, count = 0.1, 0
  while check <= 1 do count, check = count + 1, check + 0.1 end
  assert(n == count, "accumulated rounding is the same as repeated addition: " .. n)
  n = 0
  for x = 1, 0, -0.5 do n = n + 1 end
  assert(n == 3, "negative float step")
  for x = 1.5, 1 do error "never" end
  for x = 0 / 0, 10 do error "NaN start" end
  for x = 1.0, 0 / 0 do error "NaN limit" end
  n = 0
  for x = math.huge, math.huge, -1 do n = n + 1 if n == 5 then break end end
  assert(n == 5, "infinity minus one")
  n = 0
  for x = 2^53, 2^53 + 4 do n = n + 1 if n == 10 then break end end
  assert(n == 10, "a float step that is lost in rounding does not advance")
end

-- Numeric for: zero step, coercion, evaluation once, own variable.
do
  local n = 0
  for i = 1, 10, 0 do n = n + 1 if n > 2 then break end end
  local zero_step = n
  n = 0
  for i = 10, 1, 0 do n = n + 1 if n > 2 then break end end
  assert(zero_step + n == 3, "in 5.3 a zero step never ends in one direction and never starts in the other")
  for i = "10", "1", "-2" do assert(math.type(i) == "float") n = n + 1 end
  assert(n == 8, "numeric strings are converted, to floats")
  local calls = 0
  local function limit() calls = calls + 1 return 3 end
  for i = 1, limit() do end
  assert(calls == 1, "limit is evaluated once")
  local seen = {}
  for i = 1, 3 do seen[#seen + 1] = i i = i * 10 end
  assert(table.concat(seen) == "123", "assigning to the variable does not change the count")
  local i = "outer"
  for i = 1, 2 do assert(i ~= "outer") end
  assert(i == "outer", "the variable is local to the loop")
  for i = i == "outer" and 1 or 5, 1 do n = i end
  assert(n == 1, "the expressions see the outer variable")
  local fs = {}
  for i = 1, 3 do fs[i] = function() i = i + 1 return i end end
  assert(fs[1]() == 2 and fs[1]() == 3 and fs[2]() == 3 and fs[3]() == 4, "each iteration has its own variable")
end

-- Generic for.
do
  local log = {}
  local function iter(state, control)
    log[#log + 1] = state .. tostring(control)
    if control == nil then return 1, "a" elseif control < 3 then return control + 1, "b", "c" end
  end
  for k, v, w, x in iter, "s" do log[#log + 1] = k .. v .. tostring(w) .. tostring(x) end
  assert(table.concat(log, " ") == "snil 1anilnil s1 2bcnil s2 3bcnil s3", table.concat(log, " "))
  for a in function() return nil, 1 end do error "nil ends the loop" end
  local once = true
  for a in function() if once then once = nil return false end end do assert(a == false, "false does not end it") end
  local expected = { "x", "y", nil, "z" }
  local n = 0
  for i, v in ipairs(expected) do n = i end
  assert(n == 2, "ipairs stops at the first nil")
  local keys = {}
  for k in pairs { 10, 20, x = 1, y = 2 } do keys[#keys + 1] = tostring(k) end
  table.sort(keys)
  assert(table.concat(keys) == "12xy", "pairs visits everything")
  for k, v in next, { 5 } do assert(k == 1 and v == 5) end
  for k, v in next, {}, nil do error "empty" end
  local t = { 1, 2, 3, 4, 5 }
  for i, v in ipairs(t) do if v % 2 == 0 then t[i] = nil end end
  assert(t[1] == 1 and t[3] == nil or t[3] == 3, "changing during ipairs")
  local fs = {}
  for k, v in pairs { a = 1, b = 2 } do fs[k] = function() v = v + 1 return k .. v end end
  assert(fs.a() == "a2" and fs.a() == "a3" and fs.b() == "b3", "fresh variables per iteration")
  for w in ("one two"):gmatch("%a+") do for c in w:gmatch(".") do n = n + 1 end end
  assert(n == 8, "nested")
  local copy = {}
  for k, v in pairs { 1, 2, 3 } do k = k * 2 copy[k] = v end
  assert(copy[2] == 1 and copy[6] == 3, "assigning to the first variable does not disturb the iteration")
  local extra
  for a, b in (function(...) extra = select("#", ...) return next, { 1 }, nil, "ignored" end)(1, 2) do assert(b == 1) end
  assert(extra == 2, "the explist may be a call; extra values are ignored")
end

-- return: only last in a block; with parentheses; nothing.
do
  local function none() return end
  local function none2() return; end
  local function one() return (none()) end
  assert(select("#", none()) == 0 and select("#", none2()) == 0 and select("#", one()) == 1, "counts")
  local function inner() do return 1 end return 2 end
  assert(inner() == 1, "do return end")
  syntax("s:1: 'end' expected near 'x'", "do return 1 x = 2 end")
  syntax("s:1: <eof> expected near 'x'", "return 1; x = 2")
  local function many() return 1, 2, (function() return 3, 4 end)() end
  assert(select("#", many()) == 4 and select(4, many()) == 4, "open result list")
end

-- Function and call statements.
do
  local t = { a = { b = {} } }
  function t.a.b.f(x) return x end
  function t.a.b:m(x) return self, x end
  assert(t.a.b.f(1) == 1 and t.a.b:m(2) == t.a.b and select(2, t.a.b:m(2)) == 2, "function names with fields and methods")
  local called = 0
  local function f() called = called + 1 return f end
  f() f()() f {} f "s";
  (f)()
  assert(called == 6, "call statements")
  syntax("s:1: syntax error near <eof>", "x")
  syntax("s:1: syntax error near <eof>", "x.y")
  syntax("s:1: syntax error near <eof>", "(f)")
  syntax("s:1: syntax error near <eof>", "x.y.z")
  syntax("s:1: unexpected symbol near '1'", "1 = x")
  syntax("s:1: syntax error near '='", "f() = 1")
  syntax("s:1: syntax error near ','", "f(), x = 1")
  syntax("s:1: cannot use '...' outside a vararg function near '...'", "function f() return ... end")
end
