-- Manual §3.4: expressions.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok and type(message) == "string", "should have failed: " .. expected)
  local text = message:gsub("^[^:]*:%d+: ", "")
  assert(text == expected, ("line %s: expected %q, got %q"):format(message:match(":(%d+):"), expected, message))
end
local function same(a, b, what)
  assert(a == b and math.type(a) == math.type(b), ("%s: %s versus %s"):format(what or "same", tostring(a), tostring(b)))
end
-- Hides constants from constant folding.
local function v(...) return ... end

-- Arithmetic keeps integers, mixes to float.
do
  same(v(7) + v(2), 9) same(v(7) - v(2), 5) same(v(7) * v(2), 14) same(v(7) / v(2), 3.5) same(v(8) / v(2), 4.0)
  same(v(7) // v(2), 3) same(v(7) % v(2), 1) same(v(2) ^ v(3), 8.0) same(-v(7), -7)
  same(v(7.0) + v(2), 9.0) same(v(7) * v(2.0), 14.0) same(v(7.0) // v(2), 3.0) same(v(7) % v(2.0), 1.0) same(-v(7.5), -7.5)
  same(7 + 2, 9) same(7 / 2, 3.5) same(7 // 2, 3) same(7.0 // 2, 3.0) same(2 ^ 3, 8.0) same(-7 // 2, -4) same(7 % -3, -2)
end

-- Floor division and modulo: signs, floats, infinities, extremes.
do
  for _, p in ipairs { { 7, 3, 2, 1 }, { -7, 3, -3, 2 }, { 7, -3, -3, -2 }, { -7, -3, 2, -1 }, { 6, 3, 2, 0 }, { -6, 3, -2, 0 },
    { 0, 5, 0, 0 }, { 1, math.maxinteger, 0, 1 }, { -1, math.maxinteger, -1, math.maxinteger - 1 },
    { math.mininteger, -1, math.mininteger, 0 }, { math.maxinteger, -1, -math.maxinteger, 0 }, { math.mininteger, 1, math.mininteger, 0 },
    { math.mininteger, math.maxinteger, -2, math.maxinteger - 1 }, { 5, math.mininteger, -1, math.mininteger + 5 } } do
    same(p[1] // p[2], p[3], p[1] .. " // " .. p[2])
    same(p[1] % p[2], p[4], p[1] .. " % " .. p[2])
    same(p[1] // p[2] * p[2] + p[1] % p[2], p[1], "identity")
  end
  same(v(7.5) // 2, 3.0) same(v(-7.5) // 2, -4.0) same(v(7.5) % 2, 1.5) same(v(-7.5) % 2, 0.5) same(v(7.5) % -2, -0.5)
  same(v(5) % math.huge, 5.0) same(v(-5) % math.huge, math.huge) same(v(5) % -math.huge, -math.huge) same(v(-5) % -math.huge, -5.0)
  same(v(1) // 0.0, math.huge) same(v(-1) // 0.0, -math.huge)
  assert(v(1) % 0.0 ~= v(1) % 0.0 and v(0.0) // 0.0 ~= v(0.0) // 0.0 and math.huge % 2 ~= math.huge % 2, "NaN results")
  same(v(0.0) % 1, 0.0) assert(1 / (v(-0.0) % 1) == -math.huge or 1 / (v(-0.0) % 1) == math.huge)
  fails("attempt to divide by zero", function() return v(1) // v(0) end)
  fails("attempt to perform 'n%0'", function() return v(1) % v(0) end)
  fails("attempt to divide by zero", function() return math.mininteger // v(0) end)
  same(v(3) % math.mininteger, math.mininteger + 3)
end

-- Exponentiation and unary minus.
do
  same(2 ^ 2 ^ 3, 256.0) same(-2 ^ 2, -4.0) same(2 ^ -1, 0.5) same(v(2) ^ v(0.5), math.sqrt(2)) same((-2) ^ 2, 4.0)
  same(- -2, 2) same(-v(0), 0) assert(1 / -v(0.0) == -math.huge, "negating zero float")
  same(-v("2"), -2.0) same(-v("0x10"), -16.0)
  same(v(0) ^ 0, 1.0) same(v(10) ^ 2, 100.0) assert((-8) ^ (1 / 3) ~= (-8) ^ (1 / 3), "NaN from a negative base")
end

-- Bitwise operators.
do
  same(v(0xF0) & 0x3C, 0x30) same(v(0xF0) | 0x0F, 0xFF) same(v(0xF0) ~ 0xFF, 0x0F) same(~v(0), -1) same(~v(0xFF), -256)
  same(v(1) << 62, 1 << 62) same(v(1) << 63, math.mininteger) same(v(1) << 64, 0) same(v(1) << 1000, 0) same(v(-1) >> 1, math.maxinteger)
  same(v(-1) >> 63, 1) same(v(-1) >> 64, 0) same(v(-1) << 64, 0) same(v(8) >> -1, 16) same(v(8) << -1, 4) same(v(1) << math.mininteger, 0)
  same(v(1) >> math.mininteger, 0) same(v(1) << math.maxinteger, 0) same(v(3.0) & 1, 1) same(v(2^31) | 0, 2147483648) same(~v(5.0), -6)
  same(v("3") & 1, 1) same("0xff" & v(15), 15) same(v("3.0") | 0, 3) same(~v("0"), -1) same(v("10") << 1, 20)
  fails("number has no integer representation", function() return v(1.5) & 1 end)
  fails("number has no integer representation", function() return v(2^63) | 0 end)
  fails("number has no integer representation", function() return v(1e100) ~ 0 end)
  fails("number has no integer representation", function() return ~v(0 / 0) end)
  fails("number has no integer representation", function() return v("1.5") & 1 end)
  fails("attempt to perform bitwise operation on a nil value", function() return 1 & v(nil) end)
  fails("attempt to perform bitwise operation on a string value", function() return 1 & v("x") end)
end

-- Coercions between strings and numbers.
do
  -- Arithmetic on strings is float arithmetic in 5.3.
  same("10" + 1, 11.0) same("10" * "2", 20.0) same("3.0" + 1, 4.0) same("0x10" + 0, 16.0) same("1e1" * 1, 10.0) same(" 5 " + 0, 5.0)
  same("\t7\n" + 0, 7.0) same("10" / 2, 5.0) same("7" // 2, 3.0) same("7" % "4", 3.0) same("2" ^ "3", 8.0) same("-2" + 0, -2.0) same("+2" + 0, 2.0)
  same("9223372036854775807" + 0, 2^63) same("0x1p4" + 0, 16.0)
  same(10 .. 20, "1020") same(1.5 .. "", "1.5") same(2.0 .. "|", "2.0|") same(-0.0 .. "", "-0.0") same(2^63 .. "", "9.2233720368548e+18")
  same(math.mininteger .. "", "-9223372036854775808")
  for _, bad in ipairs { "", " ", "abc", "1 2", "0x", "1e", "--1", "1..", "inf", "nan", "1\0", "0b1", "1_0", "5x" } do
    fails("attempt to perform arithmetic on a string value (local 's')", function() local s = bad; return s + 1 end)
  end
  assert("10" ~= 10 and not (10 == "10") and ({ ["10"] = 1 })[10] == nil, "equality and keys never convert")
  fails("attempt to compare number with string", function() return 1 < "2" end)
  assert("10" < "9" and not ("a" < "B"), "strings compare bytewise")
end

-- Integer-float conversions are exact.
do
  assert(2^53 == 9007199254740992 and 9007199254740993 ~= 2^53 and 9007199254740993 > 2^53, "exact equality and order")
  assert(math.maxinteger < 2^63 and math.maxinteger ~= 2^63 and not (math.maxinteger >= 2^63) and math.maxinteger + 0.0 == 2^63, "max")
  assert(math.mininteger == -2^63 and math.mininteger <= -2^63 and not (math.mininteger < -2^63) and math.mininteger > -2^64, "min")
  assert(1 < 1.5 and 1.5 < 2 and -1.5 < -1 and -2 < -1.5 and not (2 < 1.5) and 2 >= 1.5 and 1 <= 1.0 and 1 >= 1.0, "mixed order")
  local big = (1 << 53) + 1
  assert(big > 2^53 and not (big < 2^53) and 2^53 < big and not (2^53 > big) and big <= 2^53 + 2 and not (big <= 2^53), "beyond 2^53")
  assert(math.maxinteger < math.huge and math.mininteger > -math.huge and math.maxinteger < 1e300 and math.mininteger > -1e300, "large")
  local nan = 0 / 0
  assert(not (1 < nan) and not (1 > nan) and not (1 <= nan) and not (nan <= 1) and not (nan == 1) and 1 ~= nan, "NaN")
  local x, y = v(nan), v(1)
  if x < y then error "nan" end if not (x < y) then else error "nan" end
  if x >= y then error "nan" end if x ~= x then else error "nan" end
end

-- Relational operators in jumps and as values, with constants on both sides.
do
  local a = v(5)
  assert((a < 6) == true and (a < 5) == false and (a <= 5) == true and (a > 4) == true and (a >= 6) == false and (a == 5) == true and (a ~= 5) == false)
  assert((6 > a) == true and (5 > a) == false and (5 >= a) == true and (4 < a) == true and (6 <= a) == false and (5 == a) == true and (5 ~= a) == false)
  assert((a < 5.5) and not (a > 5.5) and 4.5 < a and a == 5.0 and not (a ~= 5.0) and a ~= "5" and a ~= nil and not (a == nil))
  assert(v(nil) == nil and v(false) ~= nil and v(true) == true and v(false) == false and v(true) ~= 1 and v("x") == "x" and v("x") ~= "y")
  local s = v("b")
  assert(s > "a" and s < "c" and s >= "b" and s <= "b" and not (s < "b") and "B" < s and "" < s and "ba" > s)
end

-- Logical operators: short circuit, values, precedence.
do
  same(10 or 20, 10) same(nil and 10, nil) same(false and error(), false) same(nil or "a", "a") same(false or nil, nil) same(10 and 20, 20)
  local count = 0
  local function t(x) count = count + 1 return x end
  assert((t(false) and t(1)) == false and count == 1 and (t(1) or t(2)) == 1 and count == 2, "short circuit")
  assert((t(nil) or t(false)) == false and count == 4 and (t(1) and t(nil)) == nil)
  same(1 and nil or 3, 3) same(false or 1 and 2, 2) same((false or 1) and 2, 2) same(not nil == true, true) same(not 1 == 2, false)
  same(not (1 == 2), true) same(not not nil, false) same(1 and 2 and 3, 3) same(nil or false or 0, 0) same(nil and nil or nil, nil)
  local a, b, c = v(1, nil, 3)
  same(a and b or c, 3) same(b or a and c, 3) same((b or c) and a, 1) same(not a or c, 3) same(not (a and b) and c, 3)
  local x = a == 1 and c > 2 or b
  same(x, true)
  x = b and b.field or (c == 3 and "three")
  same(x, "three")
  local function args(...) return select("#", ...) end
  same(args(a and b, a or b, not a), 3)
  if (a and not b) or (b and error()) then x = "taken" end
  same(x, "taken")
  while not (a and c) or b do error "loop" end
  local y = (a or error()) + (b or 10) * (c and 2)
  same(y, 21)
  local z = a < 2 and c > 2 and "in" or "out"
  same(z, "in")
  same(({ a and 5, b and 6, c or 7 })[3], 3)
end

-- Precedence and associativity.
do
  same(2 + 3 * 4 ^ 2 / 2, 26.0) same(2 * 3 % 4, 2) same(2 - 3 - 4, -5) same(2 ^ 3 ^ 2, 512.0) same(-3 ^ 2, -9.0) same(- 3 % 5, 2)
  same(1 .. 2 .. 3, "123") same("a" .. 1 + 2, "a3") same(1 << 2 + 1, 8) same(1 | 2 ~ 3 & 2, 1 | (2 ~ (3 & 2)))
  same(1 | 6 == 7, true) same(5 & 6 << 1, 5 & 12) same("1" .. 2 == "12", true) same(not true == false, true) same(#"abc" + 1, 4)
  same(-"2" + 0, -2.0) same(2 .. 3 + 0, "23") same(1 < 2 == true, true) same(~5 & 3, 2) same(-2 ^ -2, -0.25) same(not nil and 1, 1)
  same(8 // 3 * 2, 4) same(7 % 4 // 2, 1) same(10 - 2 .. "", "8") same(1 << 1 << 2, 8) same(16 >> 2 >> 1, 2)
end

-- Concatenation: long chains, mixed types, empty strings.
do
  local parts = {}
  for i = 1, 150 do parts[i] = "v(" .. i .. ")" end
  local chain = load("local v = ... return " .. table.concat(parts, " .. "))(v)
  local check = ""
  for i = 1, 150 do check = check .. i end
  assert(chain == check, "chain of 150 operands")
  same("" .. "", "") same("a" .. "" .. "b", "ab") same(1 .. "", "1") same("x" .. 1.0 .. 2, "x1.02")
  local s = ""
  for i = 1, 300 do s = s .. string.char(i % 256) end
  assert(#s == 300 and s:byte(256) == 0, "growing string")
  fails("attempt to concatenate a nil value (global 'undefined')", function() return "a" .. undefined .. "b" end)
  fails("attempt to concatenate a function value (local 'f')", function() local f = print; return 1 .. f end)
end

-- Length and borders.
do
  same(#"", 0) same(#"a\0b", 3) same(#{}, 0) same(#{ 1, 2, 3 }, 3) same(#{ 1, 2, nil }, 2) same(#{ n = 1 }, 0) same(#{ [1] = 1, [2] = 2 }, 2)
  -- A constructor, and table.pack, keep their last item even if there are holes and fields.
  same(#{ nil, 2 }, 2) same(#{ n = 1, nil, 2 }, 2) same(#{ nil, nil, 3, x = 1 }, 3) same(#table.pack(nil, 2), 2)
  same(({ [1] = 'x', 'y' })[1], 'y') same(({ [2] = 'x', 'y', nil })[2], nil) same(#{ [3] = 3, 1, 2 }, 3) same(next({ [1] = 'x', nil }), nil)
 
  local t = {}
  for i = 1, 100 do t[i] = i same(#t, i) end
  for i = 100, 1, -1 do t[i] = nil same(#t, i - 1) end
  for i = 10, 1, -1 do t[i] = i end
  same(#t, 10, "filled backwards")
  local holes = { 1, 2, nil, 4 }
  local border = #holes
  assert((border == 0 or holes[border] ~= nil) and holes[border + 1] == nil, "any border")
  local h = {}
  for i = 1, 64 do h[i] = i end
  for i = 33, 64 do h[i] = nil end
  same(#h, 32, "after truncation")
  local sparse = { [1] = 1, [2] = 2, [4] = 4 }
  assert(#sparse == 2 or #sparse == 4, "border of a sparse table")
end

-- Table constructors.
do
  local function three() return 1, 2, 3 end
  same(#{ three() }, 3) same(#{ three(), three() }, 4) same(#{ (three()) }, 1) same(#{ three(), nil }, 1) same(#{ 0, three() }, 4)
  local t = { 1, x = 2, 3, ["y z"] = 4, [10] = 5; 6, }
  assert(t[1] == 1 and t[2] == 3 and t[3] == 6 and t.x == 2 and t["y z"] == 4 and t[10] == 5, "all field kinds and separators")
  t = { [1] = "a", "b" }
  assert(t[1] == "b", "positional values are stored last here")
  t = { f = three(), [three()] = "k", g = (three()) }
  assert(t.f == 1 and t[1] == "k" and t.g == 1, "fields take one value")
  t = { a = nil, nil, 2 }
  assert(t.a == nil and t[1] == nil and t[2] == 2 and next(t) ~= nil, "nils are absent")
  for _, n in ipairs { 1, 49, 50, 51, 99, 100, 101, 255, 256, 257, 512, 1000 } do
    local src = {}
    for i = 1, n do src[i] = "v(" .. i .. ")" end
    local list = load("local v = ... return {" .. table.concat(src, ",") .. "}")(v)
    same(#list, n, "constructor of " .. n)
    for i = 1, n do assert(list[i] == i, "element " .. i .. " of " .. n) end
    local open = load("local v, f = ... return {" .. table.concat(src, ",") .. ", f()}")(v, three)
    assert(#open == n + 3 and open[n] == n and open[n + 3] == 3, "open constructor of " .. n)
  end
  local function many(n) if n == 0 then return end return n, many(n - 1) end
  local m = { many(150) }
  assert(#m == 150 and m[1] == 150 and m[150] == 1, "many results")
  t = { {}, {} }
  assert(t[1] ~= t[2], "each constructor makes a new table")
  local nested = { a = { b = { c = { 1, { 2, { 3 } } } } } }
  assert(nested.a.b.c[2][2][1] == 3, "nesting")
  fails("table index is nil", function() return { [v(nil)] = 1 } end)
  fails("table index is NaN", function() return { [0 / 0] = 1 } end)
  local log = {}
  local function l(x) log[#log + 1] = x return x end
  t = { [l "k1"] = l "v1", l "p1", [l "k2"] = l "v2" }
  same(table.concat(log, " "), "k1 v1 p1 k2 v2", "order of evaluation")
end

-- Calls: adjustments, argument forms, method evaluation once, nested open calls.
do
  local function count(...) return select("#", ...) end
  local function none() end
  local function two() return 1, 2 end
  same(count(none()), 0) same(count(none(), none()), 1) same(count((none())), 1) same(count(two(), two()), 3) same(count(two(), (two())), 2)
  same(count(nil), 1) same(count(nil, nil), 2) same(count(table.unpack({}, 1, 100)), 100)
  local function fixed(a, b, c) return a, b, c end
  local a, b, c = fixed(1)
  assert(a == 1 and b == nil and c == nil, "missing parameters are nil")
  same(count(fixed(1, 2, 3, 4)), 3, "extra arguments are dropped")
  local evaluated = 0
  local function object() evaluated = evaluated + 1 return { m = function(self, x) return self ~= nil and x end } end
  same(object():m(5), 5) same(evaluated, 1, "receiver evaluated once")
  local s = "x"
  same(s:rep(3):upper():len(), 3)
  same(#s:rep(10), 10) same(-s:len(), -1)
  local function id(...) return ... end
  same(count(id(id(id(1, 2, 3), id(4, 5)))), 3) same(count(id(two(), id(two()))), 3)
  local f = function(t) return t end
  assert(f { 1 }[1] == 1 and f "s" == "s" and f [[x]] == "x" and type(f {}) == "table")
  same((two()), 1) same(count((two()), (two())), 2)
  local big = {}
  for i = 1, 250 do big[i] = i end
  same(count(table.unpack(big)), 250) same(select(250, table.unpack(big)), 250)
  local r = { pcall(table.unpack, big) }
  same(#r, 251)
end

-- Varargs.
do
  local function f(...)
    local a, b = ...
    local t = { ... }
    local n = select("#", ...)
    return a, b, #t, n, (...)
  end
  local a, b, len, n, first = f(1, nil, 3)
  assert(a == 1 and b == nil and n == 3 and first == 1 and (len == 3 or len == 1), "several uses")
  a, b, len, n, first = f()
  assert(a == nil and b == nil and len == 0 and n == 0 and first == nil, "empty")
  local function tail(x, ...) return ... end
  same(select("#", tail(1, 2, 3)), 2) same(select("#", tail()), 0)
  local function sum(...) local s = 0 for i = 1, select("#", ...) do s = s + select(i, ...) end return s end
  local function pick(n, ...) return (select(n, ...)) end
  same(pick(1, "a", "b"), "a") same(pick(2, "a", "b"), "b") same(pick(3, "a", "b"), nil) same(pick(1), nil)
  same(pick(-1, "a", "b"), "b") same(pick(-2, "a", "b"), "a") same(pick(2.0, "a", "b"), "b") same(pick("2", "a", "b"), "b")
  same(pick("#", nil, nil), 2) same(pick("#"), 0) same(pick(2, 1, nil, 3), nil) same(pick(math.maxinteger, 1), nil)
  local function refused(n, why)
    local ok, message = pcall(pick, n, "a", "b")
    assert(not ok and message:find("bad argument #1 to 'select' (" .. why .. ")", 1, true), message)
  end
  refused(0, "index out of range") refused(-3, "index out of range") refused(math.mininteger, "index out of range")
  refused(1.5, "number has no integer representation") refused({}, "number expected, got table")
  do
    local function mine(select, ...) return (select(2, ...)) end
    same(mine(math.max, 1, 5, 3), 5) same(mine(function(...) return ... end, 7), 2) same(mine(rawequal, 2), true)
    local seen = 0
    local function watched(...) debug.sethook(function() seen = seen + 1 end, "c") local n = select("#", ...) debug.sethook() return n end
    same(watched(1, 2, 3), 3) same(seen, 2, "hooks see the call of select and that of sethook")
  end
  same(sum(1, 2, 3, 4), 10) same(select(-1, 1, 2, 3), 3) same(select(2, "a", "b"), "b")
  local function nested(...) local g = function(...) return select("#", ...) end return g(...), g(1, ...), g(..., 1), g((...)) end
  local w, x, y, z = nested(7, 8, 9)
  assert(w == 3 and x == 4 and y == 2 and z == 1, "passing on")
  local function mutate(...) local a = ... a = 5 return ..., a end
  a, b = mutate(1)
  assert(a == 1 and b == 5, "varargs are values")
  local co = (function(...) local t = { ... } return function() return table.unpack(t) end end)(1, 2)
  same(select("#", co()), 2)
  local function deep(n, ...) if n == 0 then return ... end return deep(n - 1, n, ...) end
  same(select("#", deep(200)), 200) same((deep(200)), 1)
  same(select("#", ...), 0, "the main chunk is a vararg function")
end

-- When a local is read that the other operand assigns: operators, tables and keys find its last value, lists a copy.
do
  local a, t, u = 1, { "one", [10] = "ten" }, nil
  local function f() a = 10 return 1 end
  local function g() t = { "other" } return 1 end
  local function reset() a, t = 1, { "one", [10] = "ten" } end
  local function is(expected, value) same(value, expected) reset() end
  is(11, a + f()) is(11, f() + a) is(9, a - f()) is(11, a | f()) is(11, (a) + f()) is(2, (a + 0) + f()) is(0, -a + f())
  is(false, a == f()) is(true, a ~= f()) is(false, a < f()) is(true, a > f()) is(false, a <= f()) is(true, a >= f())
  is("11", a .. f()) is(20, a + a * f()) is(101, a * a + f() * 100) is(1, a and f())
  is("other", t[g()]) is("one", t[f()]) is("ten", t[f() and a])
  u = { a, f(), a }
  same(table.concat(u, " "), "1 1 10") reset()
  local old = t
  t[g()] = "set"
  assert(old[1] == "one" and t[1] == "set") reset()
  old = t
  t.x = g()
  assert(old.x == nil and t.x == 1) reset()
  t[a] = f()
  assert(t[1] == "one" and t[10] == 1) reset()
  old = t
  t[a], t, a = "first", 5, "key"
  assert(old[1] == "first" and t == 5 and a == "key", "targets are settled before the assignment") reset()
  local function inside() return a + f(), t[g()] end
  local n, x = inside()
  assert(n == 2 and x == "other", "a captured one is read earlier, but as a table") reset()
end

-- Tail calls do not grow the stack.
do
  local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + 1) end
  same(loop(1000000, 0), 1000000, "a million tail calls")
  local even, odd
  function even(n) if n == 0 then return true end return odd(n - 1) end
  function odd(n) if n == 0 then return false end return even(n - 1) end
  assert(even(10000) and not even(10001), "mutual")
  local o = { n = 0 }
  function o:step(k, ...) self.n = self.n + 1 if k == 0 then return ... end return self:step(k - 1, ...) end
  same(select("#", o:step(5000, 1, 2, 3)), 3) same(o.n, 5001)
  local function var(...) if select("#", ...) > 50 then return ... end return var(1, ...) end
  same(select("#", var()), 51, "growing argument lists")
  local callable = setmetatable({}, { __call = function(self, n) if n == 0 then return "done" end return self(n - 1) end })
  same(callable(3000), "done", "through __call")
  local function captures(n) local x = n local f = function() return x end if n == 0 then return f end return captures(n - 1) end
  same(captures(100)(), 0, "a tail call closes the frame's upvalues")
  local function not_tail(n) if n == 0 then return 0 end return (not_tail(n - 1)) end
  same(not_tail(100), 0)
  local function native(t) return table.concat(t) end
  same(native { 1, 2 }, "12", "tail call of a library function")
end

-- Functions: closures per evaluation, recursion, parameters as locals.
do
  local function counter() local n = 0 return function() n = n + 1 return n end end
  local a, b = counter(), counter()
  assert(a() == 1 and a() == 2 and b() == 1, "independent state")
  local fact = function(n) local self self = function(k) return k <= 1 and 1 or k * self(k - 1) end return self(n) end
  same(fact(20), 2432902008176640000)
  local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
  same(fib(15), 610)
  local compose = function(f, g) return function(...) return f(g(...)) end end
  same(compose(math.abs, math.min)(3, -5, 2), 5)
  local function ack(m, n) if m == 0 then return n + 1 elseif n == 0 then return ack(m - 1, 1) else return ack(m - 1, ack(m, n - 1)) end end
  same(ack(2, 3), 9)
  local list = {}
  for i = 1, 5 do list[i] = function(x) i = i + x return i end end
  same(list[1](10), 11) same(list[1](10), 21) same(list[2](0), 2)
end
