-- The module `expr` (modules.md §4.23). What the language means is tested where it is implemented.
local expr = require("expr")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

do -- values go there and back
  local env = {user = {name = "ann", roles = {"admin", "author"}}, n = 3, x = 1.5, empty = {}}
  for text, expected in pairs {
    ["n + 1"] = 4, ["n / 2"] = 1.5, ["user.name + '!'"] = "ann!", ["'admin' in user.roles"] = true,
    ["len(empty)"] = 0, ["user.roles[0]"] = "admin", ["x > 1 ? 'big' : 'small'"] = "big",
    ["filter(user.roles, # startsWith 'au') | first"] = "author",
  } do
    local value, err = expr.eval(text, env)
    assert(err == nil and value == expected and math.type(value) == math.type(expected), text)
  end
  local list = assert(expr.eval("map(1..n, {k: #})", env))
  assert(#list == 3 and list[3].k == 3)
  local nothing, err = expr.eval("unknown")
  assert(nothing == nil and err == nil)
end

do -- programs
  local program = assert(expr.compile("price * count", {price = 0, count = 0}))
  assert(type(program) == "userdata" and tostring(program):find("expr.Program", 1, true))
  assert(program:run{price = 2, count = 21} == 42 and program:run{price = 1.5, count = 2} == 3.0)
  refused(errors.INTERNAL, "cannot multiply nil and nil", program:run())
  assert(not pcall(program.run, {}))
  assert(not pcall(program.run, program, 1))
end

do -- failures
  refused(errors.INVALID, "empty expression", expr.eval(""))
  refused(errors.INVALID, "empty expression", expr.compile(""))
  refused(errors.INTERNAL, "unexpected end", expr.eval("1 +"))
  refused(errors.INTERNAL, "unknown function 'os'", expr.compile("os('ls')"))
  refused(errors.INTERNAL, "cannot add nil and int", expr.eval("a + 1", {}))
  refused(errors.INTERNAL, "cannot compare string with int", expr.eval("'a' < 1"))
  refused(errors.INTERNAL, "too many steps", expr.eval("map(1..10000, map(1..10000, #))"))
  refused(errors.INVALID, "a.1", expr.eval("1", {a = {print}}))
  local loop = {}
  loop.loop = loop
  refused(errors.INVALID, "contains itself", expr.eval("1", loop))
  assert(not pcall(expr.eval))
  assert(not pcall(expr.eval, "1", 1))
  assert(not pcall(expr.compile, {}))
end

do -- more texts than are kept
  for round = 1, 2 do
    for i = 1, 1100 do assert(expr.eval("x + " .. i, {x = round}) == round + i) end
  end
end
