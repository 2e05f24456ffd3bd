-- Error objects. Runtime specification §5.

local guard = require("support.guard")
local raises, HOST = guard.raises, guard.HOST
assert(require("errors") == errors)

-- kinds
for name, value in pairs {
  NOT_FOUND = "NotFound", ALREADY_EXISTS = "AlreadyExists", INVALID = "Invalid", PERMISSION_DENIED = "PermissionDenied",
  UNAVAILABLE = "Unavailable", INTERNAL = "Internal", CANCELED = "Canceled", CONFLICT = "Conflict", TIMEOUT = "Timeout",
  RATE_LIMITED = "RateLimited", UNKNOWN = "",
} do
  assert(errors[name] == value, name)
end

-- new
do
  local e = errors.new("text")
  assert(type(e) == "userdata" and e:message() == "text" and e:kind() == "" and e:retryable() == nil and e:details() == nil)
  assert(tostring(e) == "text")
  e = errors.new("TIMEOUT", "text")
  assert(e:message() == "TIMEOUT" and e:kind() == "", "a second argument is ignored")
  e = errors.new { message = "m", kind = "Custom", retryable = false, details = { a = 1, [1] = "gone", [true] = 2 } }
  assert(e:kind() == "Custom" and e:retryable() == false and e:message() == "m")
  local details = e:details()
  assert(details.a == 1 and details[1] == nil and details[true] == nil)
  details.a = 2
  assert(e:details().a == 1, "fresh each time")
  -- nested tables, functions and userdata in details
  details = errors.new {
    message = "m",
    details = { list = { 1, 2, 3 }, mixed = { 1, x = 2 }, deep = { deeper = { deepest = { "end" } } }, f = print, ch = channel.new() },
  }:details()
  assert(#details.list == 3 and details.mixed.x == 2 and details.mixed[1] == nil, "sequences stay, others keep string keys")
  assert(details.deep.deeper.deepest[1] == "end" and type(details.f) == "string" and type(details.ch) == "string")
  assert(errors.new { message = "m", details = {} }:details() == nil and errors.new { message = "m", details = { 1 } }:details() == nil)
  -- tables that contain themselves, or one another in more ways than anybody can count
  local loop, dense = {}, { "leaf" }
  loop.loop = loop
  for _ = 1, 60 do dense = { a = dense, b = dense } end
  assert(errors.new { message = "m", details = loop }:details().loop.loop)
  local level = errors.new { message = "m", details = dense }:details()
  for _ = 1, 10 do level = type(level.a) == "table" and level.a or level.b end
  assert(type(level) == "table", "what is met first is kept, and more of it than once")
  -- fields of wrong types are ignored, a message of a wrong type raises
  e = errors.new { message = "m", kind = 5, retryable = "yes", details = "none" }
  assert(e:kind() == "" and e:retryable() == nil and e:details() == nil)
  raises("message", errors.new, {})
  raises("message", errors.new, { message = 5 })
  for _, wrong in ipairs { 5, true, print } do raises("bad argument #1", errors.new, wrong) end
  raises("bad argument #1", errors.new)
end

-- wrap and the two texts
do
  local a = errors.new { message = "disk full", kind = errors.UNAVAILABLE, retryable = true, details = { disk = "sda" } }
  local b = errors.wrap(a, "saving")
  local c = errors.wrap(b, "closing")
  assert(tostring(b) == "disk full" and b:message() == "disk full" and tostring(c) == "saving: disk full")
  assert(tostring(errors.wrap(c, "x")) == "closing: saving: disk full")
  assert(c:kind() == errors.UNAVAILABLE and c:retryable() == true and c:details().disk == "sda")
  local d = errors.wrap("plain", "context")
  assert(tostring(d) == "plain" and d:kind() == "" and tostring(errors.wrap(d, "outer")) == "context: plain")
  assert(tostring(errors.wrap(errors.wrap("x", errors.new("why")), "y")) == "why: x", "an error as context")
  raises("bad argument #1", errors.wrap, {}, "x")
  raises("bad argument #2", errors.wrap, "x", {})
  raises("bad argument #2", errors.wrap, "x")
end

-- is
do
  local e = errors.new { message = "m", kind = errors.TIMEOUT }
  assert(errors.is(e, errors.TIMEOUT) and not errors.is(e, errors.INVALID) and not errors.is(e) and not errors.is(e, 5))
  for _, v in ipairs { "Timeout", 1, {}, true } do assert(errors.is(v, errors.TIMEOUT) == false) end
  assert(errors.is(nil, errors.TIMEOUT) == false)
  raises("bad argument #1", errors.is)
end

-- stack and call_stack
do
  local function inner() return errors.new("here") end
  local e = inner()
  local stack = e:stack()
  assert(stack:find("^  errors.lua:%d+ %(") , stack)
  local trace = errors.call_stack(e)
  assert(type(trace.thread) == "string" and #trace.frames > 0)
  local frame = trace.frames[1]
  assert(frame.source == "errors.lua" and math.type(frame.line) == "integer" and type(frame.name) == "string")
  assert(type(frame.type) == "string" and math.type(frame.level) == "integer")
  assert(errors.call_stack("no error") == nil and errors.call_stack(nil) == nil)
  raises("bad argument #1", errors.call_stack)
  stack = errors.wrap(errors.wrap(e, "first"), "second"):stack()
  assert(stack:find("^second\n") and stack:find("\nfirst\n") and stack:find("here") == nil, stack)
end

-- methods: no setters, one metatable, identity, no string methods
do
  local e, f = errors.new("same"), errors.new("same")
  assert(e ~= f and e == e and getmetatable(e) == getmetatable(f))
  assert(e.find == nil and not pcall(function() e.kind = 1 end) and e.nothing == nil)
  raises("error expected", e.kind, 5)
end

-- Errors where strings are expected.
do
  local e = errors.new("file not found")
  assert(e .. "!" == "file not found!" and "x: " .. e == "x: file not found" and e .. e == "file not foundfile not found")
  assert(1 .. e == "1file not found")
  assert(string.find(e, "not found") == 6 and string.len(e) == 14 and string.upper(e) == "FILE NOT FOUND")
  assert(string.format("%s|%q", e, "x") == 'file not found|"x"' and string.rep(e, 2) == e .. e)
  assert(table.concat({ "a", e, "b" }, " ") == "a file not found b", "table.concat")
  assert(string.gsub("x", "x", e) == "file not found" and tostring(e) == "file not found")
  assert(utf8.len(e) == 14 and string.byte(e) == string.byte("f"))
  raises("attempt to concatenate", function() return e .. {} end)
end

-- Raising.
do
  local e = errors.new { message = "typed", kind = errors.CONFLICT }
  local ok, caught = pcall(error, e)
  assert(not ok and caught == e)
  ok, caught = pcall(error, e, 2)
  assert(caught == e)
  ok, caught = pcall(assert, false, e)
  assert(caught == e)
  ok, caught = pcall(assert, nil, { 1 })
  assert(caught[1] == 1)
  ok, caught = pcall(function() local t; return t.x end)
  assert(type(caught) == "string" and caught:find("^errors.lua:%d+: attempt to index"))
  ok, caught = pcall(string.rep)
  assert(type(caught) == "string" and caught:find("bad argument #1 to"))
  ok, caught = xpcall(error, function(x) return x end, e)
  assert(caught == e)
end

-- Across a boundary: context is lost, an empty kind is Internal, the rest stays.
do
  local inner = errors.new { message = "inner", kind = errors.TIMEOUT, retryable = true, details = { n = { 1, 2 } } }
  local back = process.exec(function(...) return { ... } end, HOST, errors.wrap(inner, "context"), errors.new("plain"))
  assert(back[1]:message() == "inner" and tostring(errors.wrap(back[1], "x")) == "inner", "the context is lost")
  assert(back[1]:kind() == errors.TIMEOUT and back[1]:retryable() == true and back[1]:details().n[2] == 2)
  assert(back[1]:stack():find("errors.lua"), "the stack is kept")
  assert(back[2]:kind() == errors.INTERNAL and back[2]:message() == "plain")
end
