-- The module `json` (modules.md §1).
local json = require("json")
local time = require("time")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
  return err
end

do -- scalars are encoded
  for text, value in pairs {
    ["true"] = true, ["false"] = false, ["3"] = 3.0, ["-12"] = -12, ["0.1"] = 0.1, ["3.14"] = 3.14,
    ["1e+300"] = 1e300, ["5e-324"] = 5e-324, ["-2.5e-7"] = -2.5e-7, ["1e+21"] = 1e21, ["100000000000000000000"] = 1e20,
    ["9223372036854775807"] = math.maxinteger, ["-9223372036854775808"] = math.mininteger,
    ["123456789012345680"] = 123456789012345680.0, ["0.000001"] = 1e-6, ['"x"'] = "x", ['""'] = "",
  } do
    local encoded, err = json.encode(value)
    assert(encoded == text and err == nil, tostring(encoded) .. " for " .. text)
  end
  assert(json.encode() == "null" and json.encode(nil) == "null" and json.encode(-0.0) == "0")
  assert(json.encode(0/0) == "null" and json.encode(math.huge) == "null" and json.encode(-math.huge) == "null")
  assert(json.encode(print) == "null" and json.encode(coroutine.create(print)) == "null")
  assert(json.encode(channel.new()) == "null")
  assert(json.encode(errors.new("message")) == '"message"')
  assert(json.encode(time.parse_duration("90s")) == '"1m30s"')
  assert(json.encode(time.date(2024, 2, 29, 1, 2, 3, 0, time.utc)) == '"2024-02-29T01:02:03Z"')
end

do -- strings
  assert(json.encode('a"b\\c/d<>&\127') == '"a\\"b\\\\c/d<>&\127"')
  assert(json.encode("\b\f\n\r\t\0\1\31") == '"\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f"')
  assert(json.encode("é€😀") == '"é€😀"')
  assert(json.encode("a\xffb\xc3") == '"a\u{fffd}b\u{fffd}"')
  assert(json.encode(("x"):rep(1000) .. "\n") == '"' .. ("x"):rep(1000) .. '\\n"')
end

do -- tables
  assert(json.encode{} == "[]" and json.encode{1, "a", true, {2}} == '[1,"a",true,[2]]')
  assert(json.encode{a = 1} == '{"a":1}' and json.encode{a = {b = {}}} == '{"a":{"b":[]}}')
  assert(json.encode{[0] = "x"} == '{"0":"x"}' and json.encode{[-1] = 1} == '{"-1":1}')
  assert(json.encode{[2.5] = 1} == '{"2.5":1}' and json.encode{[true] = 1} == '{"true":1}')
  assert(json.encode{[print] = 1} == "{}" and json.encode{f = print} == '{"f":null}')
  local list = {}
  list[3], list[2], list[1] = "c", "b", "a"
  assert(json.encode(list) == '["a","b","c"]')
  assert(json.encode{[1.0] = "x"} == '["x"]')
  local shared = {1}
  assert(json.encode{shared, shared} == "[[1],[1]]")
  -- Metamethods are not asked.
  local strange = setmetatable({1}, {__index = error, __pairs = error, __len = error})
  assert(json.encode(strange) == "[1]")
  -- What was once an object stays one.
  local emptied = {a = 1}
  emptied.a = nil
  assert(json.encode(emptied) == "{}" and json.encode(json.decode("{}")) == "{}" and json.encode(json.decode("[]")) == "[]")
  assert(json.encode(json.decode('{"a":[],"b":{}}')):find('"b":{}', 1, true))
  -- The same text again.
  local many = {}
  for i = 1, 50 do many["k" .. i] = i end
  assert(json.encode(many) == json.encode(many))
end

do -- tables that have no JSON text
  local loop = {a = {1, {}}}
  loop.a[2].b = loop
  local err = refused(errors.INTERNAL, "encode failed: recursive", json.encode(loop))
  assert(err:details().path == "/a/1/b")
  err = refused(errors.INTERNAL, "sparse", json.encode{x = {[1] = 1, [3] = 3}})
  assert(err:details().path == "/x")
  refused(errors.INTERNAL, "sparse", json.encode{[2] = 1})
  refused(errors.INTERNAL, "sparse", json.encode{1, nil, 3})
  err = refused(errors.INTERNAL, "mixed", json.encode{1, a = 1})
  assert(err:details().path == "")
  err = refused(errors.INTERNAL, "mixed", json.encode{["a/b~"] = {1, a = 1}})
  assert(err:details().path == "/a~1b~0")
  local function nested(n)
    local t = {}
    for _ = 2, n do t = {t} end
    return t
  end
  assert(json.encode(nested(128)) == ("["):rep(128) .. ("]"):rep(128))
  refused(errors.INTERNAL, "depth", json.encode(nested(129)))
end

do -- decoding
  for text, value in pairs {
    ["true"] = true, [" false "] = false, ["12"] = 12, ["-7"] = -7, ["1.0"] = 1.0, ["1e2"] = 100.0, ["1E-2"] = 0.01,
    ["9223372036854775807"] = math.maxinteger, ["9223372036854775808"] = 9223372036854775808.0,
    ["-9223372036854775808"] = math.mininteger, ["-9223372036854775809"] = -9223372036854775808.0,
    ["123456789012345678901234567890"] = 123456789012345678901234567890.0,
    ['"a\\u0041\\n\\"\\/"'] = 'aA\n"/', ['"\\ud83d\\ude00"'] = "😀", ['"\\u0000"'] = "\0",
    ['"\\ud800"'] = "\u{fffd}", ['"a\\udc00b\\ud83d\\ude00"'] = "a\u{fffd}b😀", ['"é"'] = "é",
  } do
    local decoded, err = json.decode(text)
    assert(err == nil, tostring(err))
    assert(decoded == value and math.type(decoded) == math.type(value), text)
  end
  assert(math.type(json.decode("-0")) == "integer" and math.type(json.decode("-0.0")) == "float")
  assert(select("#", json.decode("null")) == 2 and json.decode("null") == nil and select(2, json.decode("null")) == nil)
  local list = json.decode("[1,null,3]")
  assert(list[1] == 1 and list[2] == nil and list[3] == 3)
  local object = json.decode('{"1":"a","b":{"c":[]},"d":null,"e":1,"e":2}')
  assert(object["1"] == "a" and object[1] == nil and object.b.c[1] == nil and object.d == nil and object.e == 2)
  assert(#json.decode("[" .. ("1,"):rep(9999) .. "1]") == 10000)
  assert(next(json.decode(" {\n} ")) == nil and next(json.decode("[\t]")) == nil)
end

do -- text that is not JSON
  refused(errors.INVALID, "string", json.decode(1))
  refused(errors.INVALID, "string", json.decode())
  refused(errors.INVALID, "empty", json.decode(""))
  for _, text in ipairs {
    " ", "nul", "[1,]", "{,}", '{"a" 1}', "{a:1}", "01", "+1", "1.", ".5", "NaN", "1 2", "[1", '"a', '"\1"', '"\xff"', "'a'",
    "// x\n1", "\u{feff}1", '"\\x"', "1e400", "-1e400", '{"a":1', "[]]", '"\\u12"',
  } do
    refused(errors.INTERNAL, "decode failed", json.decode(text))
  end
  local err = refused(errors.INTERNAL, "line 3, column 4", json.decode("[1,\n2,\n  x]"))
  local details = err:details()
  assert(details.line == 3 and details.column == 4 or details.column == 3, details.column)
  assert(details.offset == 6 + details.column)
  assert(json.decode(("["):rep(128) .. ("]"):rep(128)))
  refused(errors.INTERNAL, "depth", json.decode(("["):rep(129) .. ("]"):rep(129)))
  refused(errors.INTERNAL, "depth", json.decode(('{"a":'):rep(200)))
end

do -- there and back
  local document = '{"list":[1,2.5,"x",true,{"deep":[[],{}]}],"text":"\\u0001é"}'
  local again = json.decode(json.encode(json.decode(document)))
  assert(again.list[5].deep[1] and again.text == "\1é" and json.encode(again.list) == '[1,2.5,"x",true,{"deep":[[],{}]}]')
end

local function invalid(part, value, err)
  assert(value == false and errors.is(err, errors.INVALID), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
  return err
end

do -- validation
  local schema = {
    type = "object",
    required = {"name"},
    properties = {name = {type = "string", minLength = 1}, age = {type = "integer", minimum = 0}, tags = {type = "array"}},
    additionalProperties = false,
  }
  local ok, err = json.validate(schema, {name = "x", age = 1.0})
  assert(ok == true and err == nil)
  err = invalid("validation failed", json.validate(schema, {name = "", age = -1}))
  local list = err:details().errors
  assert(#list == 2)
  local keywords = {[list[1].keyword] = list[1], [list[2].keyword] = list[2]}
  assert(keywords.minLength.path == "/name" and keywords.minimum.path == "/age" and #keywords.minimum.message > 0)
  invalid("validation failed", json.validate(schema, {}))
  invalid("validation failed", json.validate(schema, {name = "x", other = 1}))
  -- An empty table is an object.
  assert(json.validate({type = "object"}, {}) == true)
  assert(json.validate_string({type = "array"}, "[]") == true)
  invalid("validation failed", json.validate_string({type = "object"}, "[]"))
  assert(json.validate_string('{"type":"null"}', "null") == true)
  local many = {}
  for i = 1, 30 do many[i] = "x" end
  assert(#select(2, json.validate({items = {type = "integer"}}, many)):details().errors == 20)
  -- Formats count; unknown ones do not.
  assert(json.validate({format = "ipv4"}, "127.0.0.1") and json.validate({format = "nothing"}, "x"))
  invalid("validation failed", json.validate({format = "ipv4"}, "x"))
  invalid("validation failed", json.validate({format = "date-time"}, "x"))
  assert(json.validate({format = "iri"}, "not one") == true)
  -- References within the schema.
  assert(json.validate('{"$ref":"#/$defs/a","$defs":{"a":{"const":1}}}', 1) == true)
  invalid("validation failed", json.validate('{"$ref":"#/$defs/a","$defs":{"a":{"const":1}}}', 2))
  -- Older drafts.
  local draft4 = '{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}'
  invalid("validation failed", json.validate(draft4, 1))
  assert(json.validate(draft4, 2) == true)
end

do -- what cannot be validated
  invalid("schema is required", json.validate(nil, 1))
  invalid("table or a string", json.validate(1, 1))
  invalid("data is required", json.validate({}, nil))
  invalid("string", json.validate_string({}, 1))
  invalid("schema is not JSON", json.validate("{", 1))
  invalid("invalid schema", json.validate({type = "nothing"}, 1))
  invalid("invalid schema", json.validate({["$ref"] = "https://example.com/other.json"}, 1))
  invalid("invalid schema", json.validate({pattern = "(?=x)"}, "x"))
  invalid("mixed", json.validate({1, a = 1}, 1))
  invalid("not JSON", json.validate_string({}, "{"))
  invalid("mixed", json.validate({}, {1, a = 1}))
end

do -- many schemas
  for i = 1, 150 do assert(json.validate({const = i}, i) == true) end
  for i = 1, 150 do invalid("validation failed", json.validate({const = i}, i + 1)) end
end
