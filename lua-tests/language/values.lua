-- Manual §2.1: values and types.

-- The eight basic types as reported by type().
do
  local samples = {
    { nil, "nil" }, { true, "boolean" }, { false, "boolean" }, { 0, "number" }, { 0.5, "number" },
    { "", "string" }, { print, "function" }, { function() end, "function" }, { {}, "table" },
    { coroutine.create(print), "thread" },
  }
  for i = 1, 10 do
    local value, name = samples[i][1], samples[i][2]
    assert(type(value) == name, "sample " .. i .. " should be a " .. name .. ", is " .. type(value))
  end
  local ok, message = pcall(type)
  assert(not ok and message == "bad argument #1 to 'type' (value expected)", message)
end

-- Only nil and false are false.
do
  local function truth(v) if v then return true end return false end
  assert(not truth(nil) and not truth(false), "nil and false are false")
  for _, v in ipairs { true, 0, 0.0, "", "false", {}, print, 0 / 0 } do
    assert(truth(v), "everything else is true: " .. tostring(v))
  end
end

-- Integer and float subtypes.
do
  assert(math.type(3) == "integer" and math.type(3.0) == "float", "subtype of literals")
  assert(3 == 3.0 and math.type(3) ~= math.type(3.0), "equal numbers may have different subtypes")
  assert(math.maxinteger == 0x7fffffffffffffff and math.mininteger == ~math.maxinteger, "64-bit integers")
  assert(math.maxinteger + 1 == math.mininteger, "integer addition wraps around")
  assert(math.mininteger - 1 == math.maxinteger, "integer subtraction wraps around")
  assert(math.maxinteger * 2 == -2, "integer multiplication wraps around")
  assert(-math.mininteger == math.mininteger, "negation wraps around")
  assert(2^53 == 2^53 + 1.0, "floats have 53 bits of precision")
  assert(2^53 | 0 == 9007199254740992 and (2^53 | 0) + 1 == 9007199254740993, "integers have 64")
end

-- NaN, infinities and signed zero.
do
  local nan = 0 / 0
  assert(nan ~= nan and not (nan == nan), "NaN differs from itself")
  assert(not (nan < nan) and not (nan <= nan) and not (nan > 0) and not (nan < 0), "NaN is unordered")
  assert(1 / 0 == math.huge and -1 / 0 == -math.huge, "division by zero gives infinities")
  assert(0.0 == -0.0 and 1 / 0.0 ~= 1 / -0.0, "signed zeros are equal but distinguishable")
  local t = {}
  t[0.0] = "zero"
  assert(t[-0.0] == "zero" and t[0] == "zero", "both zeros are one key")
end

-- Strings are 8-bit clean.
do
  local s = "a\0b\255\n"
  assert(#s == 5 and s:byte(2) == 0 and s:byte(4) == 255, "embedded zeros and high bytes are kept")
  assert("a\0b" ~= "a\0c" and "a\0" ~= "a", "comparison looks past zeros")
  assert("a\0b" < "a\0c" and "a" < "a\0", "order looks past zeros")
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  all = table.concat(all)
  assert(#all == 256, "all byte values")
  for i = 0, 255 do assert(all:byte(i + 1) == i, "byte " .. i) end
end

-- String identity is content.
do
  local long = ("x"):rep(100)
  local same = ("x"):rep(50) .. ("x"):rep(50)
  assert(long == same, "long strings of equal content are equal")
  local t = { [long] = 1 }
  assert(t[same] == 1, "long strings of equal content are one key")
  assert(rawequal(long, same), "rawequal compares strings by content")
end

-- Table keys: anything but nil and NaN; integral floats are normalised.
do
  local t = {}
  t[1.0] = "one"
  t[2^53] = "big"
  assert(t[1] == "one" and t[2^53 | 0] == "big", "float keys with integral value become integers")
  assert(math.type(next({ [3.0] = true })) == "integer", "the stored key is the integer")
  t[1.5] = "f"
  assert(t[1.5] == "f" and t["1"] == nil, "other floats stay, strings are not numbers")
  t[2^63] = "float key"
  assert(t[2^63] == "float key" and t[math.mininteger] == nil, "a float outside the integers stays a float")
  t[math.mininteger], t[math.maxinteger] = "min", "max"
  assert(t[math.mininteger] == "min" and t[math.maxinteger] == "max" and t[-2^63] == "min", "extreme keys")
  t[true], t[print], t[t] = 1, 2, 3
  assert(t[true] == 1 and t[print] == 2 and t[t] == 3 and t[false] == nil, "any value is a key")

  local ok, message = pcall(function() t[nil] = 1 end)
  assert(not ok and message:find("index is nil$"), message)
  ok, message = pcall(function() t[0 / 0] = 1 end)
  assert(not ok and message:find("index is NaN$"), message)
  ok, message = pcall(rawset, t, nil, 1)
  assert(not ok and message:find("index is nil$"), message)
  assert(t[nil] == nil and t[0 / 0] == nil, "reading with nil or NaN gives nil")
end

-- A field set to nil is absent.
do
  local t = { a = 1, b = 2, 10, 20, 30 }
  t.a, t[3] = nil, nil
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  assert(n == 3 and t.a == nil and #t == 2, "assigned nil removes")
  for k in pairs(t) do t[k] = nil end
  assert(next(t) == nil, "clearing during traversal is allowed")
end

-- Tables, functions and threads are references.
do
  local a = {}
  local b = a
  b.x = 1
  assert(a.x == 1 and a == b and a ~= {}, "tables are references")
  local function make() return function() return a end end
  assert(make() == make() or make() ~= make(), "function equality is unspecified but legal")
  local f = make()
  assert(f == f and f() == a, "a function equals itself")
  local co = coroutine.create(f)
  assert(co == co and co ~= coroutine.create(f), "threads are compared by identity")
end

-- tostring of each type.
do
  assert(tostring(nil) == "nil" and tostring(true) == "true" and tostring(false) == "false", "simple values")
  assert(tostring(12) == "12" and tostring(-0) == "0" and tostring(12.0) == "12.0", "integers and integral floats")
  assert(tostring(1e15) == "1e+15" and tostring(1e14) == "1e+14" and tostring(123456.0) == "123456.0", "%.14g")
  assert(tostring(0.1) == "0.1" and tostring(-0.0) == "-0.0" and tostring(1e100) == "1e+100", "floats")
  assert(tostring(1 / 0) == "inf" and tostring(-1 / 0) == "-inf", "infinities")
  assert(tostring(0 / 0):find("^%-?nan$"), "NaN")
  assert(tostring(3.14159265358979) == "3.1415926535898", "fourteen significant digits")
  assert(tostring({}):find("^table: 0x%x+$") or tostring({}):find("^table: %x+$"), "tables show an address")
  assert(tostring(print):find("^builtin: ") or tostring(print):find("^function: "), "functions")
  assert(tostring(coroutine.create(print)):find("^thread: "), "threads")
  local t = {}
  assert(tostring(t) == tostring(t) and tostring(t) ~= tostring({}), "addresses identify")
end
