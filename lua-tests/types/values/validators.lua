-- Validators: types specification §5.5.

local function fails(T, value, rule, message, limit)
  local v, err = T:is(value)
  assert(v == nil and err ~= nil, "accepted")
  local d = err:details()
  assert(d.rule == rule and err:message() == message, err:message())
  assert(d.limit == limit, tostring(d.limit))
end
local function passes(T, value) assert(select(2, T:is(value)) == nil) end

-- @min, @max
do
  type Age = integer @min(0) @max(150)
  passes(Age, 0) passes(Age, 150)
  fails(Age, -1, "min", "value -1 is below the minimum 0", 0)
  fails(Age, 151, "max", "value 151 is above the maximum 150", 150)
  fails(Age, "x", "type", "expected integer, got string")
  type Ratio = number @min(0.5) @max(1)
  passes(Ratio, 1) passes(Ratio, 0.5) fails(Ratio, 0.25, "min", "value 0.25 is below the minimum 0.5", 0.5)
  fails(Ratio, 0 / 0, "min", "value " .. tostring(0 / 0) .. " is below the minimum 0.5", 0.5)
  type Half = number @min(0.5) @max(2.5)
  passes(Half, 1) passes(Half, 2) passes(Half, 2.5) assert(not Half:is(0) and not Half:is(3) and not Half:is(2.75))
  assert(not Half:is(math.mininteger) and not Half:is(math.huge) and not Half:is(0 / 0))
  type Whole = integer @min(-1.5)
  passes(Whole, -1) assert(not Whole:is(-2) and not Whole:is(0.0))
  type Open = number @min(-1e308) @max(1e308)
  passes(Open, math.maxinteger) passes(Open, math.mininteger) passes(Open, 1e308) assert(not Open:is(math.huge))
  type Huge = number @min(9007199254740993)
  passes(Huge, 9007199254740993) assert(not Huge:is(9007199254740992.0))
end

-- @min_len, @max_len: bytes, items, entries
do
  type Name = string @min_len(2) @max_len(4)
  passes(Name, "ab") passes(Name, "äö") fails(Name, "a", "min_len", "length 1 is below the minimum length 2", 2)
  fails(Name, "abcde", "max_len", "length 5 is above the maximum length 4", 4)
  type List = {number} @min_len(1) @max_len(3)
  passes(List, {1}) fails(List, {}, "min_len", "length 0 is below the minimum length 1", 1)
  fails(List, {1, 2, 3, 4}, "max_len", "length 4 is above the maximum length 3", 3)
  type Map = {[string]: number} @min_len(1) @max_len(2)
  passes(Map, {a = 1}) fails(Map, {}, "min_len", "length 0 is below the minimum length 1", 1)
  fails(Map, {a = 1, b = 2, c = 3}, "max_len", "length 3 is above the maximum length 2", 2)
end

-- @pattern: a regular expression that is searched for
do
  type Mail = string @pattern("^[^@ ]+@[^@ ]+$")
  passes(Mail, "a@b") fails(Mail, "a b", "pattern", 'does not match pattern "^[^@ ]+@[^@ ]+$"', "^[^@ ]+@[^@ ]+$")
  type Digits = string @pattern([[\d{3}]])
  passes(Digits, "x123y") passes(Digits, "\255123") assert(not Digits:is("12"))
  type Two = string @pattern("a") @pattern("b")
  passes(Two, "ab") fails(Two, "a", "pattern", 'does not match pattern "b"', "b")
  -- Linear in the length of the text.
  type Nested = string @pattern("^(a+)+$")
  assert(not Nested:is(("a"):rep(10000) .. "b"))
end

-- @integer, @closed
do
  type Whole = number @integer
  passes(Whole, 3) passes(Whole, 3.0) fails(Whole, 3.5, "integer", "value 3.5 is not an integer")
  assert(not Whole:is(math.huge))
  type Exact = {x: number, y?: number} @closed
  passes(Exact, {x = 1}) passes(Exact, {x = 1, y = 2}) fails(Exact, {x = 1, z = 2}, "closed", "unexpected field 'z'")
  assert(not Exact:is({x = 1, [1] = 2}) and not Exact:is({y = 1}))
end

-- @opaque
do
  type File = userdata @opaque("FILE*")
  type Other = userdata @opaque("other")
  assert(File:kind() == "opaque" and not Other:is(io.stdout) and File <= Userdata)
  type Channel = userdata @opaque("channel") & {send: function}
  passes(Channel, channel.new()) assert(not Channel:is(io.stdout) and not Channel:is({send = print}))
end

-- On optional types nil is skipped; kinds a validator says nothing about pass; aliases add up.
do
  type Maybe = string? @min_len(2)
  passes(Maybe, nil) passes(Maybe, "ab") assert(not Maybe:is("a"))
  type Mixed = (number | string) @min(3) @max_len(2)
  passes(Mixed, 3) passes(Mixed, "ab") assert(not Mixed:is(2) and not Mixed:is("abc"))
  type Base = integer @min(0)
  type Small = Base @max(9)
  passes(Small, 5) assert(not Small:is(-1) and not Small:is(10))
  type Holder = {n: Small, list: {Base}}
  local _, err = Holder:is({n = 1, list = {1, -1}})
  assert(err:details().path == "list[2]" and err:details().rule == "min")
end

-- The structure comes first.
do
  type List = {number} @min_len(5)
  local _, err = List:is({"x"})
  assert(err:details().path == "[1]" and err:details().rule == "type")
end

-- On variables validators are documentation.
do
  local n: integer @min(0) = -5
  local function f(s: string @min_len(3)): number @max(1) return #s end
  assert(n == -5 and f("") == 0 and f("abcdef") == 6)
  assert(typeof(n):source() == "integer @min(0)")
end
