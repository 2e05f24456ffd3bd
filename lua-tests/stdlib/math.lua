-- Manual §6.7: mathematical functions.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
local function same(a, b, what)
  assert(a == b and math.type(a) == math.type(b), ("%s: %s versus %s"):format(what or "same", tostring(a), tostring(b)))
end
local function near(a, b) assert(math.abs(a - b) <= 1e-12 * math.max(1, math.abs(b)), a .. " versus " .. b) end

-- Constants and types.
do
  near(math.pi, 3.14159265358979323846)
  assert(math.huge == 1 / 0 and math.maxinteger == 0x7fffffffffffffff and math.mininteger == -0x7fffffffffffffff - 1)
  assert(math.type(1) == "integer" and math.type(1.0) == "float" and math.type("1") == nil and math.type(nil) == nil)
  fails("bad argument #1 to 'type' (value expected)", math.type)
end

-- floor, ceil, tointeger, abs, fmod, modf, ult.
do
  same(math.floor(3.7), 3) same(math.floor(-3.7), -4) same(math.floor(5), 5) same(math.floor(2^70), 2^70) same(math.floor(-0.0), -0 | 0) same(math.ceil(3.2), 4) same(math.ceil(-3.2), -3)
  same(math.ceil(7), 7) same(math.ceil(-2^70), -2^70) same(math.floor(2^62), 1 << 62) same(math.floor("3.7"), 3) assert(math.floor(math.huge) == math.huge and math.floor(0 / 0) ~= math.floor(0 / 0))
  same(math.tointeger(3.0), 3) same(math.tointeger(3.5), nil) same(math.tointeger(2^63), nil) same(math.tointeger(-2^63), math.mininteger) same(math.tointeger({}), nil) same(math.tointeger(7), 7)
  same(math.abs(-5), 5) same(math.abs(-5.5), 5.5) same(math.abs(math.mininteger), math.mininteger) same(math.abs(-0.0), 0.0)
  same(math.fmod(7, 3), 1) same(math.fmod(-7, 3), -1) same(math.fmod(7, -3), 1) same(math.fmod(7.5, 2), 1.5) same(math.fmod(-7.5, 2), -1.5) same(math.fmod(math.mininteger, -1), 0) same(math.fmod(5, math.huge), 5.0)
  fails("bad argument #2 to 'fmod' (zero)", math.fmod, 1, 0)
  assert(math.fmod(1, 0.0) ~= math.fmod(1, 0.0))
  local i, f = math.modf(3.7) same(i, 3) near(f, 0.7)
  i, f = math.modf(-3.7) same(i, -3) near(f, -0.7)
  i, f = math.modf(5) same(i, 5) same(f, 0.0)
  i, f = math.modf(math.huge) same(i, math.huge) same(f, 0.0)
  i, f = math.modf(0 / 0) assert(i ~= i and f ~= f)
  assert(math.ult(1, 2) and not math.ult(-1, 2) and math.ult(2, -1) and not math.ult(5, 5))
end

-- max, min.
do
  same(math.max(1, 5, 3), 5) same(math.max(1.5), 1.5) same(math.min(2, 1.0), 1.0) same(math.max(1, 2.0), 2.0) same(math.min(math.mininteger, -math.huge), -math.huge) same(math.max(2, 2.0), 2)
  fails("bad argument #1 to 'max' (value expected)", math.max)
  -- The order is that of the operator `<`.
  same(math.max("b", "c", "a"), "c") same(math.min("b", "a", "c"), "a")
  do
    local meta = {}
    meta.__lt = function(a, b) return a.n < b.n end
    local function object(n) return setmetatable({ n = n }, meta) end
    local one, two, three = object(1), object(2), object(3)
    assert(math.max(one, three, two) == three and math.min(two, three, one) == one and math.max(two, two) == two)
  end
  assert(not pcall(math.min, 1, nil) and not pcall(math.max, 1, {}))
end

-- Transcendental functions.
do
  same(math.sqrt(16), 4.0) same(math.exp(0), 1.0) near(math.exp(1), 2.718281828459045) same(math.log(1), 0.0) near(math.log(8, 2), 3) near(math.log(1000, 10), 3) near(math.log(27, 3), 3) same(math.log(0), -math.huge)
  same(math.log(1024, 2), 10.0) same(math.log(100, 10), 2.0) same(math.sin(0), 0.0) near(math.sin(math.pi / 2), 1) same(math.cos(0), 1.0) near(math.tan(math.pi / 4), 1)
  near(math.asin(1), math.pi / 2) near(math.acos(0), math.pi / 2) near(math.atan(1), math.pi / 4) near(math.atan(1, -1), 3 * math.pi / 4) near(math.atan(-1, -1), -3 * math.pi / 4) near(math.atan(0, -1), math.pi)
  near(math.deg(math.pi), 180) near(math.rad(180), math.pi) assert(math.sqrt(-1) ~= math.sqrt(-1) and math.log(-1) ~= math.log(-1)) same(math.sqrt("4"), 2.0)
end

-- random.
do
  for _ = 1, 200 do
    local r = math.random()
    assert(r >= 0 and r < 1 and math.type(r) == "float")
    r = math.random(6)
    assert(r >= 1 and r <= 6 and math.type(r) == "integer")
    r = math.random(-3, 3)
    assert(r >= -3 and r <= 3)
    assert(math.random(5, 5) == 5 and math.random(1) == 1)
  end
  local seen = {}
  for _ = 1, 500 do seen[math.random(3)] = true end
  assert(#seen == 3, "every value occurs")
  math.randomseed(42)
  local a, b = math.random(1000000), math.random()
  math.randomseed(42)
  assert(math.random(1000000) == a and math.random() == b, "a seed determines the sequence")
  fails("bad argument #1 to 'random' (interval is empty)", math.random, 0)
  fails("bad argument #1 to 'random' (interval is empty)", math.random, 2, 1)
  fails("wrong number of arguments", math.random, 1, 2, 3)
  fails("bad argument #1 to 'random' (number has no integer representation)", math.random, 1.5)
end

-- Wrong arguments.
do
  for name in ("abs ceil floor sqrt sin cos tan exp log deg rad asin acos atan modf"):gmatch("%a+") do
    local ok, message = pcall(math[name], {})
    assert(not ok and message:find("number expected, got table"), name .. ": " .. tostring(message))
    ok, message = pcall(math[name])
    assert(not ok and message:find("number expected, got no value"), name .. ": " .. tostring(message))
  end
end

-- Bounds of random; wrong kinds of number.
do
  fails("bad argument #1 to 'random' (interval too large)", math.random, -1, math.maxinteger)
  fails("bad argument #1 to 'random' (interval too large)", math.random, math.mininteger, 0)
  assert(math.random(0, math.maxinteger) >= 0 and math.random(math.mininteger, -1) < 0)
  fails("bad argument #1 to 'ult' (number has no integer representation)", math.ult, 1.5, 2)
  fails("bad argument #2 to 'fmod' (number expected, got no value)", math.fmod, 1)
  fails("bad argument #1 to 'floor' (number expected, got string)", math.floor, "x")
end
