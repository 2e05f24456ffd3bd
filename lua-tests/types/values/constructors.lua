-- The module `types`: types specification §5.1.

local types = require("types")
local function raises(wanted, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok and tostring(message):find(wanted, 1, true), tostring(message))
end

assert(rawget(_G, "types") == nil, "it is a module, not a global")

-- They make the types that one can write.
do
  type Numbers = {number}
  type Counts = {[string]: integer}
  type Point = {x: number, y: string?}
  type Maybe = number?
  type Either = number | "a" | {number}
  assert(types.array(Number) == Numbers and types.map(String, Integer) == Counts)
  assert(types.record {x = Number, y = types.optional(String)} == Point and types.optional(Number) == Maybe)
  assert(types.union(types.array(Number), types.literal("a"), Number) == Either)
  assert(types.union(Number, Nil) == Maybe and types.union(Number) == Number and types.union() == Never)
  assert(tostring(types.record {b = Number, a = String}) == "{a: string, b: number}", "in the order of names")
  assert(types.record {} ~= nil and types.array(Number):name() == nil)
end

-- Literals.
do
  type One = 1
  type OneF = 1.0
  type Yes = true
  type Text = "text"
  assert(types.literal(1) == One and types.literal(1.0) == OneF and One ~= OneF)
  assert(types.literal(true) == Yes and types.literal("text") == Text and types.literal(nil) == Nil)
  raises("string, number or boolean expected, got table", types.literal, {})
  raises("number", types.literal, 0 / 0)
  raises("value expected", types.literal)
end

-- Validators.
do
  type Age = integer @min(0) @max(150)
  type Word = string @min_len(1) @pattern("^a")
  type Exact = {x: number} @closed
  assert(types.with(Integer, {min = 0, max = 150}) == Age and types.with(String, {min_len = 1, pattern = "^a"}) == Word)
  assert(types.with(types.record {x = Number}, {closed = true}) == Exact and types.with(Number, {}) == Number)
  raises("unknown validator '@odd'", types.with, Number, {odd = 1})
  raises("'@min' takes one number", types.with, Number, {min = "x"})
  raises("'@closed' takes no argument", types.with, Table, {closed = 1})
  raises("invalid pattern", types.with, String, {pattern = "("})
  raises("unknown validator", types.with, String, {5})
end

-- From text.
do
  type User = {name: string @min_len(1), tags: {string}?, ["end"]: "a" | "b"}
  assert(types.parse(User:source()) == User and types.parse("number") == Number and types.parse("any") == Any)
  assert(types.parse("(number) -> <T>(T) -> T"):kind() == "function" and types.parse("{Integer}"):elem() == Integer)
  assert(types.parse("{number}"):name() == nil and types.parse("number -- a comment") == Number)
  for text, wanted in pairs {
    ["{x: Nowhere}"] = "unknown type 'Nowhere'", ["a.b"] = "unknown type 'a.b'", ["parsed?"] = "unknown type 'parsed'",
    ["typeof(print)"] = "typeof", ["number return 1"] = "<eof>", ["number local x"] = "one type expected",
    [""] = "near <eof>", ["{x"] = "near <eof>", ["number number"] = "near", ["string @nothing"] = "unknown validator",
    ["number\nreturn parsed --"] = "<eof>",
  } do
    local T, message = types.parse(text)
    assert(T == nil and message:find(wanted, 1, true), text .. ": " .. tostring(message))
  end
end

-- They want types.
do
  raises("bad argument #1 to 'types.array' (type expected, got number)", types.array, 5)
  raises("bad argument #2 to 'types.map' (type expected, got no value)", types.map, String)
  raises("bad argument #3 to 'types.union' (type expected, got string)", types.union, String, Number, "x")
  raises("names of fields and their types expected", types.record, {Number})
  raises("names of fields and their types expected", types.record, {x = 5})
end

-- They validate, and equal ones are one key.
do
  local Row = types.record {id = types.with(Integer, {min = 1}), state = types.union(types.literal("on"), types.literal("off"))}
  assert(Row:is({id = 1, state = "on"}))
  local _, err = Row:is({id = 0, state = "on"})
  assert(err:details().path == "id" and err:details().rule == "min")
  type Same = {state: "off" | "on", id: integer @min(1)}
  assert(({[Row] = "found"})[Same] == "found")
end
