-- Manual §3.2: variables; assignment targets and field access.

-- Locals, globals, fields.
do
  local x = 1
  y_global = 2
  local t = { x = 3, [4] = "four", nested = { deep = { "here" } } }
  assert(x == 1 and y_global == 2 and _ENV.y_global == 2 and t.x == 3 and t["x"] == 3 and t[4] == "four", "access")
  assert(t.nested.deep[1] == "here" and t["nested"]["deep"][1] == "here", "chains")
  y_global = nil
  t.nested.deep[1], t.nested.new = "there", "made"
  assert(t.nested.deep[1] == "there" and t.nested.new == "made", "assignment to fields of fields")
  local k = "x"
  t[k], k = 10, "changed"
  assert(t.x == 10 and t.changed == nil, "the key is evaluated before the assignment")
end

-- Locals before and after their declaration.
do
  local x = 1
  local x = x + 1
  assert(x == 2, "a redeclaration reads the outer variable")
  do local x = x * 10 assert(x == 20) end
  assert(x == 2, "inner scope ended")
  local f = function() return f end
  assert(f() == nil, "`local f = function` does not see itself")
  local function g() return g end
  assert(g() == g, "`local function` does")
end

-- Uninitialised locals are nil, also on re-execution of the same block.
do
  for i = 1, 3 do
    local a, b
    assert(a == nil and b == nil, "fresh and nil in iteration " .. i)
    a, b = i, {}
  end
  local n = 0
  ::again::
  local v
  assert(v == nil, "after a backward goto as well")
  v = 1
  n = n + 1
  if n < 3 then goto again end
end

-- Many locals in one function.
do
  local names, sum = {}, {}
  for i = 1, 190 do names[i] = "l" .. i sum[i] = i end
  local f = load("local " .. table.concat(names, ",") .. " = " .. table.concat(sum, ",") ..
    " return " .. table.concat(names, "+"))
  assert(f() == 190 * 191 / 2, "190 locals keep their values")
end

-- Indexing expressions of every shape.
do
  local function id(...) return ... end
  local t = { f = function(self, a) return self, a end, [true] = "yes", [1.5] = "float" }
  assert(id(t).f == t.f and (id(t))[true] == "yes" and ({ 10, 20 })[2] == 20 and ("abc"):upper() == "ABC", "prefix expressions")
  assert(t[1.5] == "float" and t[3 / 2] == "float" and t[not false] == "yes", "computed keys")
  local s, a = t:f(5)
  assert(s == t and a == 5 and select(2, t.f(t, 6)) == 6, "methods")
  assert(#{ t:f(1) } == 2 and (t:f(1)) == t and ("x"):rep(3):len() == 3, "call chains")
  assert(id { k = 1 }.k == 1 and id "s" == "s" and id [[l]] == "l", "calls without parentheses")
  t.a = { b = { c = function() return { d = "deep" } end } }
  assert(t.a.b.c().d == "deep" and t.a.b["c"]()["d"] == "deep", "mixed chains")
end

-- More than 256 distinct field names and large constant indices.
do
  local src = { "local t = {}" }
  for i = 1, 400 do src[#src + 1] = ("t.field_%d = %d"):format(i, i) end
  src[#src + 1] = "local s = 0"
  for i = 1, 400 do src[#src + 1] = ("s = s + t.field_%d"):format(i) end
  src[#src + 1] = "return s, t.field_400, t"
  local s, last, t = load(table.concat(src, "\n"))()
  assert(s == 80200 and last == 400 and t.field_1 == 1, "many field constants")
end
