-- `typeof`: types specification §5.6.

-- A name with a declared type, assigned or not.
do
  type User = {name: string}
  local user: User
  local list: {number} = {}
  local opt: string? = nil
  assert(typeof(user) == User and tostring(typeof(user)) == "User")
  assert(typeof(list):elem() == Number and typeof(opt):inner() == String)
  local function f(param: integer, second?: boolean, ...: string)
    local function captured() return typeof(param), typeof(second), typeof(user) end
    return captured()
  end
  local a, b, c = f(1.5)
  assert(a == Integer and tostring(b) == "boolean?" and c == User)
  for i: integer = 1, 1 do assert(typeof(i) == Integer) end
  for k: string, v in pairs({x = 1}) do assert(typeof(k) == String and typeof(v) == Number) end
end

-- A cast.
do
  local x = 5
  assert(typeof(x :: string) == String and typeof(x as {number}):elem() == Number)
end

-- By value: no declared type, `any`, `unknown`, anything but a name.
do
  local x, a: any, u: unknown = 1, 2, "s"
  local typed: string = "s"
  assert(typeof(x) == Number and typeof(a) == Number and typeof(u) == String)
  assert(typeof((typed)) == String and typeof(typed .. "") == String and typeof(1.5) == Number)
  assert(typeof(nil) == Nil and typeof(true) == Boolean and typeof({}) == Table and typeof(print) == Function)
  assert(typeof(coroutine.create(print)) == Thread and typeof(Number) == Type and typeof(errors.new("")) == Error)
  assert(typeof(function() end) == Function and typeof(io.stdout):kind() == "opaque" and typeof(io.stdout):is(io.stdout))
  local wrong: number = ("text" :: any)
  assert(typeof(wrong) == Number, "the declared type, whatever the value")
  assert(typeof(wrong, nil) == String, "two arguments: an ordinary call")
  assert(pcall(typeof, wrong) and select(2, pcall(typeof, wrong)) == String)
  assert((function(...) return typeof(...) end)(1, 2) == Number)
  assert(not pcall(typeof))
  local t = {field = 1}
  assert(typeof(t.field) == Number)
end

-- A hidden name is not declared.
do
  local x: string = "s"
  do
    local x = 1
    assert(typeof(x) == Number)
  end
  assert(typeof(x) == String)
  local function f() return typeof(x) end
  assert(f() == String, "also as a tail call")
end

-- If `typeof` is another function, the call is an ordinary one.
do
  local x: string = "s"
  local arguments
  local builtin = typeof
  typeof = function(...) arguments = table.pack(...) return "mine" end
  assert(typeof(x) == "mine" and arguments.n == 1 and arguments[1] == "s")
  typeof = builtin
  local typeof = function(...) return select("#", ...) end
  assert(typeof(x) == 1)
  assert((function() local typeof = builtin return typeof(x) end)() == String)
end

-- In tables of handlers.
do
  local handlers = {[Number] = "number", [String] = "string", [Type] = "type"}
  assert(handlers[typeof(1)] == "number" and handlers[typeof(Integer)] == "type")
end
