-- Manual §2.4: metatables and every metamethod event.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok and type(message) == "string", "call should have failed with: " .. expected)
  local text = message:gsub("^[^:]*:%d+: ", "")
  assert(text == expected, ("line %s: expected %q, got %q"):format(message:match(":(%d+):"), expected, message))
end

-- getmetatable / setmetatable / __metatable.
do
  local t, mt = {}, {}
  assert(getmetatable(t) == nil and setmetatable(t, mt) == t and getmetatable(t) == mt, "set and get")
  assert(setmetatable(t, nil) == t and getmetatable(t) == nil, "nil removes")
  mt.__metatable = "locked"
  setmetatable(t, mt)
  assert(getmetatable(t) == "locked", "__metatable is shown instead")
  fails("cannot change a protected metatable", setmetatable, t, {})
  mt.__metatable = false
  assert(getmetatable(t) == false, "even when it is false")
  fails("cannot change a protected metatable", setmetatable, t, nil)
  assert(getmetatable("").__index == string and getmetatable("a") == getmetatable("b"), "strings share a metatable")
  assert(getmetatable(1) == nil and getmetatable(print) == nil and getmetatable(nil) == nil, "others have none")
end

-- Arithmetic and bitwise events: first operand's handler wins; result is one value.
do
  local events = {
    __add = function(a, b) return a + b end, __sub = function(a, b) return a - b end,
    __mul = function(a, b) return a * b end, __div = function(a, b) return a / b end,
    __mod = function(a, b) return a % b end, __pow = function(a, b) return a ^ b end,
    __idiv = function(a, b) return a // b end, __band = function(a, b) return a & b end,
    __bor = function(a, b) return a | b end, __bxor = function(a, b) return a ~ b end,
    __shl = function(a, b) return a << b end, __shr = function(a, b) return a >> b end,
    __concat = function(a, b) return a .. b end,
  }
  local symbols = 0
  for event, operation in pairs(events) do
    symbols = symbols + 1
    local left, right = {}, {}
    setmetatable(left, { [event] = function(a, b) return "L" .. event, a, b end })
    setmetatable(right, { [event] = function(a, b) return "R" .. event end })
    assert(operation(left, right) == "L" .. event, event .. ": the first operand's handler is tried first")
    assert(operation(left, 1) == "L" .. event and operation(1, right) == "R" .. event, event .. " with a number")
    assert(operation("x", right) == "R" .. event and operation(left, "x") == "L" .. event, event .. " with a string")
    assert(operation({}, right) == "R" .. event, event .. " with a plain table")
    assert(operation(nil, right) == "R" .. event and operation(left, nil) == "L" .. event, event .. " with nil")
    local seen
    setmetatable(left, { [event] = function(...) seen = { n = select("#", ...), ... } return nil end })
    assert(operation(left, 7) == nil and seen.n == 2 and seen[1] == left and seen[2] == 7, event .. " operands")
    setmetatable(left, { [event] = function(a, b) return end })
    assert(operation(left, 7) == nil, event .. ": no result is nil")
  end
  assert(symbols == 13)
end

-- Constants as operands, on either side, of every arithmetic form.
do
  local V = {}
  local function both(name) return function(a, b) return name .. ":" .. tostring(a) .. "," .. tostring(b) end end
  for _, e in ipairs { "add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor", "bxor", "shl", "shr" } do
    V["__" .. e] = both(e)
  end
  V.__tostring = function() return "V" end
  local v = setmetatable({}, V)
  assert(v + 1 == "add:V,1" and 1 + v == "add:1,V" and v + 1.5 == "add:V,1.5", "add constants")
  assert(v - 1 == "sub:V,1" and 1 - v == "sub:1,V" and v - -1 == "sub:V,-1", "sub constants")
  assert(v * 2 == "mul:V,2" and 2 * v == "mul:2,V", "mul constants")
  assert(v / 2 == "div:V,2" and 2 / v == "div:2,V" and v // 2 == "idiv:V,2" and 2 // v == "idiv:2,V", "div constants")
  assert(v % 3 == "mod:V,3" and 3 % v == "mod:3,V" and v ^ 2 == "pow:V,2" and 2 ^ v == "pow:2,V", "mod, pow constants")
  assert(v & 255 == "band:V,255" and 255 & v == "band:255,V" and v | 1 == "bor:V,1" and 1 ~ v == "bxor:1,V", "bit constants")
  assert(v << 1 == "shl:V,1" and 1 << v == "shl:1,V" and v >> 1 == "shr:V,1" and 1 >> v == "shr:1,V", "shift constants")
  assert(v & 1.5 == "band:V,1.5" and "a" | v == "bor:a,V", "non-integers reach the handler")
  assert(v + "10" == "add:V,10" and "10" + v == "add:10,V", "numeric strings reach the handler uncoerced")
end

-- Unary events receive the operand; results are adjusted to one.
do
  local u = setmetatable({}, {
    __unm = function(a, b) return "unm", rawequal(a, b) end,
    __bnot = function(a) return "bnot" end,
    __len = function(a) return "len" end,
  })
  assert(-u == "unm" and ~u == "bnot" and #u == "len", "unary handlers")
  local proxies = setmetatable({}, { __len = function() return 5.5 end })
  assert(#proxies == 5.5 and rawlen(proxies) == 0, "__len result is unrestricted")
  fails("object length is not an integer", function() return table.unpack(proxies) end)
  assert(rawlen("abc") == 3 and #"abc" == 3, "strings use their own length")
end

-- __concat chains associate to the right.
do
  local log = {}
  local C = {}
  C.__concat = function(a, b)
    local function name(v) return type(v) == "table" and v.name or v end
    log[#log + 1] = name(a) .. "+" .. name(b)
    return setmetatable({ name = name(a) .. name(b) }, C)
  end
  local c = setmetatable({ name = "c" }, C)
  assert(("a" .. "b" .. c).name == "abc" and table.concat(log, " ") == "b+c a+bc", table.concat(log, " "))
  log = {}
  assert((c .. "x" .. "y" .. "z").name == "cxyz" and table.concat(log, " ") == "c+xyz", table.concat(log, " "))
  log = {}
  assert(("a" .. c .. 1 .. 2).name == "ac12" and table.concat(log, " ") == "c+12 a+c12", table.concat(log, " "))
  log = {}
  assert((1 .. c .. 2.0).name == "1c2.0", "numbers are converted by the handler here")
  setmetatable(c, { __concat = function() return 1, 2 end })
  assert(c .. c == 1 and c .. c .. c == 1, "one result")
end

-- __index: functions, tables, chains, rawget.
do
  local base = { a = 1, shadow = "base" }
  local mid = setmetatable({ b = 2, shadow = "mid" }, { __index = base })
  local top = setmetatable({ c = 3 }, { __index = mid })
  assert(top.a == 1 and top.b == 2 and top.c == 3 and top.shadow == "mid" and top.d == nil, "table chain")
  assert(rawget(top, "a") == nil and rawget(base, "a") == 1, "rawget ignores handlers")
  setmetatable(base, { __index = function(t, k) assert(t == base) return "computed " .. tostring(k) end })
  assert(top.zzz == "computed zzz" and top[1] == "computed 1" and top[nil] == "computed nil", "function ends the chain")
  local args
  local t = setmetatable({ present = false }, { __index = function(...) args = { n = select("#", ...), ... } return 1, 2 end })
  assert(t.x == 1 and args.n == 2 and args[1] == t and args[2] == "x", "handler gets table and key, one result")
  assert(t.present == false, "false is present")
  assert(select("#", (function() return t.y end)()) == 1, "exactly one result")
  local s = setmetatable({}, { __index = "a string" })
  assert(s.len == string.len and s.upper == string.upper, "__index may be any indexable value")
  fails("attempt to index a number value", function() return setmetatable({}, { __index = 5 }).x end)
  assert(("x").nope == nil and ("abc").len == string.len and ("abc"):len() == 3, "string methods via __index")
end

-- __index loops are detected, long chains work.
do
  local chain = {}
  local first = chain
  for i = 1, 100 do chain = setmetatable({}, { __index = chain }) end
  first.deep = "found"
  assert(chain.deep == "found", "chain of 100 tables")
  local loop = {}
  setmetatable(loop, { __index = loop })
  fails("'__index' chain too long; possible loop", function() return loop.x end)
  setmetatable(loop, { __newindex = loop })
  fails("'__newindex' chain too long; possible loop", function() loop.x = 1 end)
end

-- __newindex: functions, tables, only for absent keys, rawset.
do
  local log = {}
  local t = setmetatable({ existing = 1 }, { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end })
  t.existing = 2
  t.fresh = 3
  t.fresh = 4
  t[1] = "x"
  assert(#log == 2 and log[1] == "fresh" and log[2] == 1 and t.fresh == 4 and t.existing == 2, "absent keys only")
  t.existing = nil
  t.existing = 5
  assert(#log == 3 and log[3] == "existing", "a removed key is absent again")
  local store = {}
  local proxy = setmetatable({}, { __newindex = store, __index = store })
  proxy.a = 1
  proxy[10] = 2
  assert(rawget(proxy, "a") == nil and store.a == 1 and store[10] == 2 and proxy.a == 1, "redirect to a table")
  setmetatable(store, { __newindex = function(s, k, v) rawset(s, k, v * 2) end })
  proxy.b = 21
  assert(store.b == 42, "redirected assignments respect handlers")
  assert(rawset(proxy, "raw", 1) == proxy and rawget(proxy, "raw") == 1, "rawset ignores handlers")
  local sink = setmetatable({}, { __newindex = function(...) log.n = select("#", ...) return 1 end })
  sink.q = nil
  assert(log.n == 3, "assigning nil to an absent key calls the handler")
  local accepts = setmetatable({}, { __newindex = function(t, k, v) log.key = k end })
  accepts[nil] = 1
  assert(log.key == nil, "a nil key reaches the handler")
  fails("attempt to index a number value", function() setmetatable({}, { __newindex = 5 }).x = 1 end)
end

-- Class-style programs: methods, inheritance, super calls.
do
  local Animal = {}
  Animal.__index = Animal
  function Animal.new(name) return setmetatable({ name = name }, Animal) end
  function Animal:speak() return self.name .. " makes a sound" end
  function Animal:rename(n) self.name = n return self end
  local Dog = setmetatable({}, { __index = Animal, __call = function(class, name)
    return setmetatable(Animal.new(name), class)
  end })
  Dog.__index = Dog
  function Dog:speak() return Animal.speak(self) .. ": woof" end
  local d = Dog("rex")
  assert(d:speak() == "rex makes a sound: woof" and d:rename("max"):speak():find("^max"), "inheritance")
  assert(rawget(d, "speak") == nil and getmetatable(d) == Dog, "instances hold data only")
end

-- __call: arguments, results, tail calls, varargs. In 5.3 the handler must itself be a function.
do
  local f = setmetatable({}, { __call = function(self, ...) return select("#", ...), self, ... end })
  local n, self, a, b = f(1, nil)
  assert(n == 2 and self == f and a == 1 and b == nil, "self is prepended")
  assert(f() == 0 and select("#", f(1, 2, 3)) == 5, "counts")
  local g = setmetatable({}, { __call = f })
  fails("attempt to call a table value (local 'g')", function() local g = g; g() end)
  local function tail(...) return f(...) end
  assert(tail(1, 2) == 2, "tail call of a callable")
  assert(pcall(f, 1) == true and select(2, pcall(f, 1)) == 1, "pcall of a callable")
  assert(select("#", table.unpack({ f(table.unpack({ 1, 2, 3 })) })) == 5, "multiple results spread")
  local object = { count = setmetatable({}, { __call = function(_, self, by) return self.base + by end }), base = 10 }
  assert(object:count(5) == 15, "callable as a method")
  fails("attempt to call a table value (local 't')", function() local t = setmetatable({}, {}); t() end)
  for i, v in setmetatable({}, { __call = function(_, s, c) if c < 3 then return c + 1, s end end }), "s", 0 do
    assert(v == "s" and i <= 3, "callable as iterator")
  end
end

-- __eq: only for two tables (or userdata) that are not raw equal; result converted to boolean.
do
  local calls = 0
  local mt = { __eq = function(a, b) calls = calls + 1 return a.v == b.v and "yes" or nil end }
  local a, b, c = setmetatable({ v = 1 }, mt), setmetatable({ v = 1 }, mt), setmetatable({ v = 2 }, mt)
  assert((a == b) == true and (a ~= b) == false and (a == c) == false and (a ~= c) == true, "converted to boolean")
  assert(calls == 4 and a == a and calls == 4, "identity needs no handler")
  assert(a ~= 1 and a ~= "x" and a ~= nil and calls == 4, "other types need no handler")
  assert(not rawequal(a, b) and rawequal(a, a), "rawequal")
  local other = setmetatable({ v = 1 }, { __eq = function() return true end })
  assert(a == other and other == c, "the first operand's handler is used")
  local plain = { v = 1 }
  assert(plain == a and calls >= 5, "the second operand's handler is used when the first has none")
  local t = { [a] = "key" }
  assert(t[b] == nil and t[a] == "key", "table lookup is raw")
  local taken
  if a == b then taken = true else taken = false end
  assert(taken, "conditional jumps use it")
  if a ~= c then taken = "ne" end
  assert(taken == "ne")
end

-- __lt and __le; __le falls back to not __lt(b, a).
do
  local mt = {}
  mt.__lt = function(a, b)
    local x = type(a) == "table" and a.v or a
    local y = type(b) == "table" and b.v or b
    return x < y
  end
  local one, two = setmetatable({ v = 1 }, mt), setmetatable({ v = 2 }, mt)
  assert(one < two and not (two < one) and two > one, "__lt and swapped operands")
  assert(one <= two and not (two <= one) and one <= one and two >= one, "__le from __lt")
  assert(one < 2 and 0 < one and not (one < 1) and one <= 1 and 1 >= one, "mixed with numbers")
  local order = {}
  mt.__le = function(a, b) order[#order + 1] = "le" return a.v <= b.v end
  assert(one <= two and two >= one and #order == 2, "__le is preferred")
  local odd = setmetatable({}, { __lt = function() return nil end, __le = function() return 0 end })
  assert((odd < odd) == false and (odd <= odd) == true, "results are booleans")
  fails("attempt to compare two table values", function() return {} <= {} end)
  fails("attempt to compare table with number", function() return setmetatable({}, {}) < 1 end)
  fails("attempt to compare number with table", function() return 1 < {} end)
  fails("attempt to compare table with number", function() return 1 > {} end)
  local s = setmetatable({}, { __lt = function(a, b) return type(a) == "string" or type(b) == "string" end })
  assert("a" < s and s < "a", "mixed with strings")
  if one < two then order = "then" else order = "else" end
  assert(order == "then", "conditional jump")
  while two < one do error("unreachable") end
end

-- __tostring and __name.
do
  local t = setmetatable({}, { __tostring = function(self) return "I am " .. type(self) end })
  assert(tostring(t) == "I am table", "__tostring")
  assert(string.format("%s|%10s", t, "x") == "I am table|         x", "%s uses it")
  setmetatable(t, { __tostring = function() return true end })
  fails("'__tostring' must return a string", tostring, t)
  setmetatable(t, { __name = "Thing" })
  assert(tostring(t):find("^Thing: "), "__name prefixes the address")
  setmetatable(t, { __name = 5 })
  assert(tostring(t):find("^table: "), "__name counts only when it is a string")
end

-- __pairs.
do
  local t = setmetatable({}, { __pairs = function(self)
    return function(s, k) if k == nil then return 1, "one" elseif k < 3 then return k + 1, "more" end end, self, nil
  end })
  local seen = {}
  for k, v in pairs(t) do seen[#seen + 1] = k .. v end
  assert(table.concat(seen, ",") == "1one,2more,3more", "__pairs supplies the iterator")
  setmetatable(t, { __pairs = function() return 1, 2, 3, 4 end })
  assert(select("#", pairs(t)) == 3, "three results are kept")
  setmetatable(t, { __pairs = function() return end })
  assert(select("#", pairs(t)) == 3, "results are padded")
  local raw = setmetatable({ 1, 2 }, { __index = function(_, i) if i <= 4 then return i * 10 end end })
  local sum = 0
  for _, v in ipairs(raw) do sum = sum + v end
  assert(sum == 1 + 2 + 30 + 40, "ipairs respects __index")
end

-- Library functions respect metamethods where 5.3 says so.
do
  local store = { "a", "b", "c" }
  local proxy = setmetatable({}, {
    __index = store, __newindex = store, __len = function() return #store end,
  })
  assert(table.concat(proxy, ",") == "a,b,c" and table.unpack(proxy) == "a", "concat, unpack")
  table.insert(proxy, "d")
  assert(store[4] == "d" and table.remove(proxy, 1) == "a" and #store == 3 and rawlen(proxy) == 0, "insert, remove")
  table.sort(proxy, function(x, y) return x > y end)
  assert(table.concat(store) == "dcb", "sort")
  assert(next(proxy) == nil, "next is raw")
end

-- Handlers are looked up raw in the metatable, every time.
do
  local mt = setmetatable({}, { __index = { __add = function() return "inherited" end } })
  local t = setmetatable({}, mt)
  fails("attempt to perform arithmetic on a table value (local 't')", function() local t = t return t + 1 end)
  mt.__add = function() return "direct" end
  assert(t + 1 == "direct", "handlers may be added later")
  mt.__add = nil
  assert(not pcall(function() return t + 1 end), "and removed")
  mt.__index = function() return "x" end
  assert(t.q == "x")
  mt.__index = nil
  assert(t.q == nil, "absent handlers are not cached as present")
  mt.__index = { q = "again" }
  assert(t.q == "again", "nor the reverse")
  local keep = setmetatable({}, { __add = 5 })
  fails("attempt to call a number value", function() return keep + 1 end)
end

-- Errors inside handlers propagate with their position.
do
  local t = setmetatable({}, { __index = function(_, k) error("no " .. k, 0) end, __add = function() error({}) end })
  local ok, m = pcall(function() return t.field end)
  assert(not ok and m == "no field")
  ok, m = pcall(function() return t + 1 end)
  assert(not ok and type(m) == "table", "objects pass through")
end

-- Yielding inside handlers.
do
  local Y = {}
  local function y(name) return function(a, b) coroutine.yield(name) return name end end
  for _, e in ipairs { "add", "concat", "unm", "len", "index", "call", "eq", "lt", "le", "newindex", "bor", "idiv" } do
    Y["__" .. e] = y(e)
  end
  local a, b = setmetatable({}, Y), setmetatable({}, Y)
  local out
  local co = coroutine.wrap(function()
    out = { a + 1, a .. "x", -a, #a, a.key, a(), a == b, a < b, a <= b, a | 1, 2 // a }
    a.k = 1
    local chain = "p" .. a .. "q" .. b
    out[#out + 1] = chain
    if a < b then out[#out + 1] = "branch" end
    if not (a == b) then out[#out + 1] = "wrong" end
    return "done"
  end)
  local events = {}
  while true do
    local e = co()
    if e == "done" then break end
    events[#events + 1] = e
  end
  assert(table.concat(events, " ") ==
    "add concat unm len index call eq lt le bor idiv newindex concat concat lt eq", table.concat(events, " "))
  local expected = { "add", "concat", "unm", "len", "index", "call", true, true, true, "bor", "idiv", "pconcat", "branch" }
  assert(#out == #expected, "result count " .. #out)
  for i = 1, #expected do assert(out[i] == expected[i], "result " .. i .. ": " .. tostring(out[i])) end
end
