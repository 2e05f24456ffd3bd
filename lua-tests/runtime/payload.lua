-- Payloads. Runtime specification §6.4.

local guard = require("support.guard")
local refused, raises, HOST = guard.refused, guard.raises, guard.HOST

assert(require("payload") == payload)
local format = payload.format
assert(format.JSON == "json/plain" and format.YAML == "yaml/plain" and format.STRING == "text/plain")
assert(format.BYTES == "application/octet-stream" and format.MSGPACK == "application/msgpack")
assert(format.LUA == "lua/any" and format.GOLANG == "golang/any" and format.ERROR == "golang/error")

-- new, data, unmarshal, get_format, tostring
for _, v in ipairs { 1, 1.5, "text", true, {} } do
  local p = payload.new(v)
  assert(type(p) == "userdata" and p:data() == v and p:unmarshal() == v and p:get_format() == format.LUA)
  assert(tostring(p) == "payload{format=lua/any}")
end
assert(payload.new(nil):data() == nil)
do
  local err = errors.new("broken")
  local p = payload.new(err)
  assert(p:get_format() == format.ERROR and p:data() == err and tostring(p) == "payload{format=golang/error}")
  assert(payload.new(p) == p, "the envelope of an envelope is itself")
  raises("bad argument #1", payload.new)
  raises("bad argument", p.data, {})
end

-- transcode: scalars to text
for _, case in ipairs {
  { 1, "1" }, { -7, "-7" }, { 0.5, "0.5" }, { 2.0, "2" }, { 1e300, "1e300" }, { true, "true" }, { false, "false" },
  { "a\0b", "a\0b" }, { math.mininteger, "-9223372036854775808" }, { 0.1, "0.1" },
} do
  for _, to in ipairs { format.STRING, format.BYTES } do
    local p, err = payload.new(case[1]):transcode(to)
    assert(err == nil and p:get_format() == to and p:data() == case[2], tostring(p and p:data()))
    assert(tostring(p) == "payload{format=" .. to .. "}")
    assert(p:transcode(format.LUA):data() == case[2])
  end
end
assert(payload.new(nil):transcode(format.STRING):data() == "")
assert(payload.new(errors.new("msg")):transcode(format.STRING):data() == "msg")
do
  local t = {}
  assert(payload.new(t):transcode(format.LUA):data() == t)
  local p, err = payload.new(t):transcode(format.STRING)
  refused(errors.INTERNAL, "cannot transcode lua/any to text/plain", p, err)
  assert(err:retryable() == false)
  refused(errors.INTERNAL, "no/such", payload.new(1):transcode("no/such"))
end

-- JSON and YAML: text, which is read when the value is asked for.
do
  local p = assert(payload.new({ a = { 1, 2 }, b = "x" }):transcode(format.JSON))
  assert(p:get_format() == format.JSON and tostring(p) == "payload{format=json/plain}")
  local value = p:data()
  assert(value.a[1] == 1 and value.a[2] == 2 and value.b == "x" and p:data() ~= value, "read anew each time")
  assert(p:unmarshal().b == "x")
  assert(p:transcode(format.LUA):data().b == "x" and p:transcode(format.LUA):get_format() == format.LUA)
  assert(require("json").decode(p:transcode(format.STRING):data()).b == "x", "as text it is JSON text")
  assert(p:transcode(format.BYTES):get_format() == format.BYTES)
  assert(p:transcode(format.JSON):data().b == "x")
  local yaml = assert(p:transcode(format.YAML))
  assert(yaml:get_format() == format.YAML and yaml:data().a[2] == 2)
  assert(yaml:transcode(format.JSON):data().b == "x")
  for _, scalar in ipairs { 1, 1.5, true, "text" } do
    assert(payload.new(scalar):transcode(format.JSON):data() == scalar)
  end
  local null, err = payload.new(nil):transcode(format.JSON)
  assert(err == nil and null:transcode(format.STRING):data() == "null" and null:data() == nil)
  assert(payload.new("x"):transcode(format.STRING):transcode(format.JSON):transcode(format.STRING):data() == '"x"')
  refused(errors.INTERNAL, "encode failed", payload.new({ 1, x = 2 }):transcode(format.JSON))
  refused(errors.INTERNAL, "golang/error", p:transcode(format.ERROR))
  local travelled = process.exec(function(p) return { p, p:data().b } end, HOST, p)
  assert(travelled[1]:get_format() == format.JSON and travelled[1]:data().b == "x" and travelled[2] == "x")
end

-- Payloads travel, with their format.
do
  local p = payload.new({ x = 1 })
  local text = payload.new(5):transcode(format.STRING)
  local back = process.exec(function(p, text, err)
    return { p, text, err, p:data().x, text:get_format() }
  end, HOST, p, text, payload.new(errors.new { message = "e", kind = "K" }))
  assert(back[1]:data().x == 1 and back[4] == 1 and back[2]:data() == "5" and back[5] == format.STRING)
  assert(back[2]:get_format() == format.STRING and back[3]:data():kind() == "K" and back[3]:get_format() == format.ERROR)
end
