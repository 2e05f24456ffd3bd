-- The json module. Module specification §1.

local json = require("json")

local function refused(kind, text, first, value, err, ...)
  assert(value == first and select("#", ...) == 0, "the first result of a failure")
  assert(err:kind() == kind, err:kind() .. " instead of " .. kind)
  assert(err:message():find(text, 1, true), err:message())
  assert(err:retryable() == false)
  return err
end

local function encodes(text, ...)
  local got, err = json.encode(...)
  assert(err == nil, err and err:message())
  assert(got == text, tostring(got) .. " instead of " .. text)
end

-- scalars
encodes("null")
encodes("null", nil)
encodes("true", true)
encodes("false", false)
encodes("9223372036854775807", math.maxinteger)
encodes("-9223372036854775808", math.mininteger)
encodes("3", 3.0)
encodes("0", -0.0)
encodes("-9223372036854775808", -2 ^ 63)
encodes("9.223372036854776e+18", 2 ^ 63)
encodes("0.1", 0.1)
encodes("3.14", 3.14)
encodes("1e+300", 1e300)
encodes("5e-324", 5e-324)
encodes("-0.00001", -1e-5)
encodes("null", 0 / 0)
encodes("null", 1 / 0)
encodes("null", -1 / 0)
encodes("null", print)
encodes("null", coroutine.create(print))
encodes("null", channel.new())
encodes("null", integer)
encodes("null", io.stdout)
encodes("[null,1]", { require("sql").NULL, 1 })
encodes('"it failed"', errors.new("it failed"))
encodes('"1h30m0s"', (require("time").parse_duration("1h30m")))
encodes('"1970-01-01T00:00:01.5Z"', require("time").unix(1, 500000000):utc())
assert(json.encode(process.pid()) == '"' .. process.pid() .. '"')
-- strings
encodes([["\"\\\b\f\n\r\t\u0000\u001f/<>&]] .. "\127é😀\"", '"\\\b\f\n\r\t\0\31/<>&\127é😀')
encodes('"a\u{FFFD}b\u{FFFD}\u{FFFD}"', "a\xE2\x82b\xFF\x80")
-- tables
encodes("[]", {})
encodes('[1,"two",[3],{}]', { 1, "two", { 3 }, (json.decode("{}")) })
encodes('{"a":{"b":[true]}}', { a = { b = { true } } })
encodes('{"1.5":0}', { [1.5] = 0 })
encodes('{"-1":0}', { [-1] = 0 })
encodes('{"0":0}', { [0] = 0 })
encodes('{"true":0}', { [true] = 0 })
encodes('{"a":1}', { a = 1, [print] = 2, [{}] = 3 })
encodes("{}", { [print] = 2 })
encodes("[1,2]", { [1.0] = 1, [2] = 2 })
do
  local late = {}
  for i = 100, 1, -1 do late[i] = i end
  assert(json.encode(late):find("^%[1,2,3,.*,99,100%]$"), "filled from the end")
  local emptied = { a = 1 }
  emptied.a = nil
  encodes("{}", emptied)
  emptied = { [1000] = true }
  emptied[1000] = nil
  encodes("[]", emptied)
  local proxy = setmetatable({ 1 }, { __index = function() return 2 end, __len = function() return 5 end, __pairs = error })
  encodes("[1]", proxy)
  local shared = { 1 }
  encodes("[[1],[1]]", { shared, shared })
  local fields = {}
  for i = 1, 100 do fields["field" .. i] = i end
  assert(json.encode(fields) == json.encode(fields))
end
-- what cannot be encoded
do
  local t = { list = { {}, {} } }
  t.list[2].back = t
  local err = refused("Internal", "recursive", nil, json.encode(t))
  assert(err:message():find("^encode failed") and err:details().path == "/list/1/back")
  assert(refused("Internal", "sparse", nil, json.encode { a = { 1, nil, 3 } }):details().path == "/a")
  refused("Internal", "sparse", nil, json.encode { [2] = 1 })
  refused("Internal", "mixed", nil, json.encode { 1, a = 1 })
  refused("Internal", "mixed", nil, json.encode { [100] = 1, a = 1 })
  assert(refused("Internal", "mixed", nil, json.encode { ["a/~b"] = { 1, x = 2 } }):details().path == "/a~1~0b")
  local deep = {}
  for _ = 1, 127 do deep = { deep } end
  assert(json.encode(deep) == ("["):rep(128) .. ("]"):rep(128))
  refused("Internal", "depth", nil, json.encode { deep })
end

-- decode
local function decodes(text)
  local value, err = json.decode(text)
  assert(err == nil, err and err:message())
  return value
end
local function is(text, value)
  local got = decodes(text)
  assert(got == value and math.type(got) == math.type(value), text .. " became " .. tostring(got))
end
is("null", nil)
is(" true ", true)
is("\r\n\tfalse", false)
is("0", 0)
is("-12", -12)
is("9223372036854775807", math.maxinteger)
is("-9223372036854775808", math.mininteger)
is("9223372036854775808", 2.0 ^ 63)
is("123456789012345678901234567890", 123456789012345678901234567890.0)
is("1.0", 1.0)
is("1e2", 100.0)
is("0.1", 0.1)
is("1.7976931348623157e308", 1.7976931348623157e308)
is("2.2250738585072011e-308", 2.2250738585072011e-308)
is("1e-400", 0.0)
is('""', "")
is([["\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00"]], '"\\/\b\f\n\r\t\0é😀')
is([["a\ud83db\\ud83d"]], "a\u{FFFD}b\\ud83d")
is([["\ude00\ud83d\ud83d\ude00"]], "\u{FFFD}\u{FFFD}😀")
is('"' .. ("long "):rep(100) .. '"', ("long "):rep(100))
do
  local t = decodes("[1,null,3]")
  assert(t[1] == 1 and t[2] == nil and t[3] == 3)
  t = decodes('{"a":1,"b":null,"1":[{}],"a":2}')
  assert(t.a == 2 and t.b == nil and next(t["1"][1]) == nil and t[1] == nil)
  encodes('{"x":[{},[],{"y":{}}]}', decodes(' { "x" : [ { } , [ ] , {"y":{}} ] } '))
  t = decodes('{"a":1,"a":null}')
  assert(t.a == nil)
  local n = 0
  for k, v in pairs(decodes('{"one":1,"two":2,"three":3,"four":4,"five":5}')) do n = n + v end
  assert(n == 15)
  local value, err = json.decode("null")
  assert(value == nil and err == nil and select("#", json.decode("null")) == 2)
end
-- what is not JSON
refused("Invalid", "string", nil, json.decode(5))
refused("Invalid", "string", nil, json.decode())
refused("Invalid", "empty", nil, json.decode(""))
for _, text in ipairs {
  " ", "[1,]", "{,}", "[1 2]", "{'a':1}", '{"a"}', '{"a":1,}', "+1", "01", "-", "1.", ".5", "1e", "NaN", "Infinity", "tru", "nul",
  '"open', '"\\x"', '"\n"', '"\1"', "// comment\n1", "1 2", "[1]]", "\u{FEFF}1", "1e400", "-1e400", '"\\u12g4"', "{1:2}", "[",
} do
  local err = refused("Internal", "decode failed", nil, json.decode(text))
  assert(err:message():find("line %d+ column %d+"), err:message())
end
do
  local details = refused("Internal", "decode failed", nil, json.decode('{\n  "a": x}')):details()
  assert(details.line == 2 and details.column == 8 and details.offset == 9, json.encode(details))
  details = refused("Internal", "UTF-8", nil, json.decode('["a",\n"\xff"]')):details()
  assert(details.line == 2 and details.column == 2 and details.offset == 7)
  assert(decodes(("["):rep(128) .. ("]"):rep(128)))
  refused("Internal", "depth", nil, json.decode(("["):rep(129) .. ("]"):rep(129)))
  refused("Internal", "depth", nil, json.decode(("["):rep(1e6)))
end

-- round trip
do
  local document = { items = {}, title = 'A "sample" \\ \n\1', empty = {} }
  for i = 1, 50 do document.items[i] = { id = i, price = i / 7, tags = { "x", "y" }, on = i % 2 == 0 } end
  local text = json.encode(document)
  local copy = decodes(text)
  assert(json.encode(copy) == json.encode(copy) and #json.encode(copy) == #text)
  assert(copy.items[7].price == 1.0 and #copy.items == 50)
  assert(math.type(copy.items[7].price) == "integer", "an integral float is written as an integer")
end

-- schemas
local schema = {
  type = "object",
  required = { "name" },
  properties = { name = { type = "string", minLength = 2 }, age = { type = "integer", minimum = 0 } },
  additionalProperties = false,
}
local text = json.encode(schema)
for _, form in ipairs { schema, text } do
  assert(json.validate(form, { name = "Ann", age = 3 }) == true)
  assert(json.validate(form, { name = "Ann", age = 3.0 }) == true)
  assert(select("#", json.validate(form, { name = "Ann" })) == 2)
  local err = refused("Invalid", "validation failed", false, json.validate(form, { name = "A", age = -1, other = 1 }))
  local found = {}
  for _, violation in ipairs(err:details().errors) do
    assert(#violation.message > 0)
    found[violation.keyword] = violation.path
  end
  assert(found.minLength == "/name" and found.minimum == "/age" and found.additionalProperties == "")
  assert(json.validate_string(form, '{"name":"Ann","age":1.0}') == true)
  refused("Invalid", "validation failed", false, json.validate_string(form, "[]"))
  refused("Invalid", "validation failed", false, json.validate_string(form, "null"))
end
assert(json.validate({ type = "object" }, {}) == true, "a table without entries is an object")
refused("Invalid", "validation failed", false, json.validate({ type = "array" }, {}))
assert(json.validate_string({ type = "array" }, "[]") == true)
assert(json.validate({}, 5) and json.validate("true", 5))
refused("Invalid", "validation failed", false, json.validate("false", 5))
do
  local many = {}
  for i = 1, 30 do many[i] = "x" end
  local err = refused("Invalid", "validation failed", false, json.validate({ items = { type = "number" } }, many))
  assert(#err:details().errors == 20)
end
-- formats
for format, examples in pairs {
  ["date-time"] = { "2024-05-01T10:00:00Z", "2024-05-01" }, date = { "2024-02-29", "2023-02-29" }, time = { "10:00:00Z", "25:00:00Z" },
  duration = { "P1DT2H", "1 day" }, email = { "a@b.example", "a" }, hostname = { "example.com", "-a" }, ipv4 = { "10.0.0.1", "10.0.0.256" },
  ipv6 = { "::1", ":::" }, uri = { "https://a.example/b?c", "b c" }, ["uri-reference"] = { "../b", "\\\\a" },
  uuid = { "123e4567-e89b-12d3-a456-426614174000", "123" }, regex = { "^a+$", "(" }, ["json-pointer"] = { "/a/0", "a" },
} do
  local form = { type = "string", format = format }
  assert(json.validate(form, examples[1]), format)
  refused("Invalid", "validation failed", false, json.validate(form, examples[2]))
end
for _, format in ipairs { "unknown", "iri", "idn-email", "uri-template" } do
  assert(json.validate({ format = format }, "{ not one }"), format)
end
-- references, drafts, patterns
assert(json.validate({ ["$defs"] = { n = { type = "number" } }, items = { ["$ref"] = "#/$defs/n" } }, { 1, 2 }))
assert(json.validate({ ["$defs"] = { n = { ["$anchor"] = "num", type = "number" } }, ["$ref"] = "#num" }, 1))
refused("Invalid", "invalid schema", false, json.validate({ ["$ref"] = "https://elsewhere.example/schema" }, 1))
refused("Invalid", "invalid schema", false, json.validate({ ["$ref"] = "#/$defs/none" }, 1))
assert(json.validate({ pattern = "^[a-z]+\\d*$" }, "abc12"))
refused("Invalid", "invalid schema", false, json.validate({ pattern = "(?=a)b" }, "b"))
refused("Invalid", "invalid schema", false, json.validate({ pattern = "(a)\\1" }, "aa"))
do -- `items` with a list is of the drafts before 2020-12, and `exclusiveMinimum` a boolean in 4
  local old = [[{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}]]
  refused("Invalid", "validation failed", false, json.validate(old, 1))
  assert(json.validate(old, 2))
  for _, draft in ipairs { "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema" } do
    local form = { ["$schema"] = draft, items = { { type = "string" } }, additionalItems = false }
    assert(json.validate(form, { "a" }), draft)
    refused("Invalid", "validation failed", false, json.validate(form, { "a", "b" }))
  end
  local new = { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", prefixItems = { { type = "string" } }, items = false }
  refused("Invalid", "validation failed", false, json.validate(new, { "a", "b" }))
  assert(json.validate({ prefixItems = { { type = "string" } }, unevaluatedItems = false }, { "a" }))
end
-- what is no schema, and no value
refused("Invalid", "schema is required", false, json.validate())
refused("Invalid", "schema", false, json.validate(5, 5))
refused("Invalid", "schema", false, json.validate({ 1, x = 2 }, 5))
refused("Invalid", "data is required", false, json.validate({}))
refused("Invalid", "data", false, json.validate({}, { 1, x = 2 }))
refused("Invalid", "invalid schema", false, json.validate("{", 5))
refused("Invalid", "invalid schema", false, json.validate({ type = "nonsense" }, 5))
refused("Invalid", "invalid schema", false, json.validate(("["):rep(200) .. ("]"):rep(200), 5))
refused("Invalid", "schema is required", false, json.validate_string(nil, "1"))
refused("Invalid", "data", false, json.validate_string({}, 5))
refused("Invalid", "schema", false, json.validate_string(5, "1"))
refused("Invalid", "schema", false, json.validate_string({ 1, x = 2 }, "1"))
refused("Invalid", "invalid schema", false, json.validate_string("{", "1"))
refused("Invalid", "invalid schema", false, json.validate_string({ type = "nonsense" }, "1"))
refused("Invalid", "invalid schema", false, json.validate_string({ ["$ref"] = "https://elsewhere.example/schema" }, "1"))
refused("Invalid", "data", false, json.validate_string({}))
refused("Invalid", "not JSON", false, json.validate_string({}, ""))
refused("Invalid", "not JSON", false, json.validate_string({}, "{"))
refused("Invalid", "not JSON", false, json.validate_string({}, ("["):rep(1e6)))
-- more schemas than are kept
for round = 1, 2 do
  for i = 1, 130 do
    local form = '{"minimum":' .. i .. "}"
    assert(json.validate(form, i))
    refused("Invalid", "validation failed", false, json.validate(form, i - 1))
  end
end

-- the module itself
assert(require("json") == json and not pcall(function() json.encode = nil end))
