-- Reflection: types specification §5.7.

local function collect(...)
  local rows = {}
  for a, b, c, d in ... do rows[#rows + 1] = {a, b, c, d} end
  return rows
end

type Id = string @min_len(3)
type Point = {x: number, readonly y?: Id, [string]: boolean}
type Box<T> = {value: T}

-- kind
do
  type Literal = "a"
  type Optional = number?
  type Union = number | string
  type Node = {next: Node?}
  type Meets = Node & {name: string}
  type Array = {number}
  type Map = {[string]: number}
  type Fn = (number) -> (string, number)
  type Obj = userdata @opaque("x")
  local kinds = {
    [Nil] = "nil", [Boolean] = "boolean", [Number] = "number", [Integer] = "integer", [Float] = "float", [String] = "string",
    [Table] = "table", [Function] = "function", [Thread] = "thread", [Userdata] = "userdata", [Any] = "any",
    [Unknown] = "unknown", [Never] = "never", [Error] = "error", [Type] = "type", [Literal] = "literal",
    [Optional] = "optional", [Union] = "union", [Meets] = "intersection", [Array] = "array", [Map] = "map",
    [Point] = "record", [Box] = "generic", [Obj] = "opaque", [Fn] = "function", [Fn:ret()] = "tuple", [Id] = "string",
    [Node] = "record",
  }
  local count = 0
  for T, kind in pairs(kinds) do
    assert(T:kind() == kind, kind)
    count = count + 1
  end
  assert(count == 28)
end

-- name
do
  assert(Point:name() == "Point" and Number:name() == "number" and Point.x:name() == "number")
  type Array = {number}
  type Holder = {a: {string}}
  assert(Holder.a:name() == nil and Array:name() == "Array" and Box(Number):name() == "Box")
end

-- fields, field
do
  local rows = collect(Point:fields())
  assert(#rows == 2)
  assert(rows[1][1] == "x" and rows[1][2] == Number and rows[1][3] == false and rows[1][4] == false)
  assert(rows[2][1] == "y" and rows[2][2] == Id and rows[2][3] == true and rows[2][4] == true)
  local T, optional, readonly = Point:field("y")
  assert(T == Id and optional and readonly and Point:field("z") == nil and Number:field("x") == nil)
  assert(#collect(Number:fields()) == 0)
end

-- `T.k` prefers fields, `T:m()` finds methods.
do
  type Tricky = {name: string, is: number, kind?: boolean}
  assert(Tricky.name == String and Tricky.is == Number and Tricky.kind == Boolean)
  assert(Tricky:name() == "Tricky" and Tricky:kind() == "record" and Tricky:is({name = "", is = 1}))
  assert(type(Tricky.fields) == "function" and Tricky.nothing == nil and Number.x == nil and Number[1] == nil)
  assert(Box(Number).value == Number)
  type Node = {next: Node?}
  assert(Node.next:inner() == Node)
end

-- elem, key, val, inner
do
  type Array = {Id}
  type Map = {[string]: number}
  type Optional = Id?
  assert(Array:elem() == Id and Map:key() == String and Map:val() == Number and Optional:inner() == Id)
  assert(Point:key() == String and Point:val() == Boolean)
  assert(Map:elem() == nil and Array:key() == nil and Array:val() == nil and Array:inner() == nil)
end

-- variants, members
do
  type Union = number | "a" | {string}
  local rows = collect(Union:variants())
  assert(#rows == 3 and rows[1][1] == Number and rows[2][1]:value() == "a" and rows[3][1]:elem() == String)
  type Maybe = number | string | nil
  rows = collect(Maybe:variants())
  assert(#rows == 3 and rows[1][1] == Number and rows[2][1] == String and rows[3][1] == Nil)
  type Single = number?
  assert(#collect(Single:variants()) == 0)
  type Node = {next: Node?}
  type Meets = Node & {name: string}
  rows = collect(Meets:members())
  assert(#rows == 2 and rows[1][1] == Node)
  assert(#collect(Union:members()) == 0)
end

-- params, ret, rets, vararg
do
  type F = (a: number, string, c?: boolean, ...Id) -> (string, integer, ...boolean)
  local rows = {}
  for T, name, optional in F:params() do rows[#rows + 1] = {T, name, optional} end
  assert(#rows == 3 and rows[1][1] == Number and rows[1][2] == "a" and rows[1][3] == false)
  assert(rows[2][1] == String and rows[2][2] == nil and rows[3][2] == "c" and rows[3][3] == true)
  assert(F:vararg() == Id and F:ret():kind() == "tuple" and F:ret():vararg() == Boolean)
  assert(#collect(F:rets()) == 2 and collect(F:ret():rets())[2][1] == Integer)
  type One = () -> string
  type None = () -> ()
  assert(One:ret() == String and None:ret() == nil and One:vararg() == nil and Number:ret() == nil)
  assert(#collect(Number:params()) == 0 and not F:ret():is({}))
end

-- tparams, targs
do
  type Pair<A, B: number = integer> = {a: A, b: B}
  local rows = collect(Pair:tparams())
  assert(#rows == 2 and rows[1][1] == "A" and rows[1][2] == nil and rows[2][1] == "B" and rows[2][2] == Number)
  rows = collect(Pair(String):targs())
  assert(#rows == 2 and rows[1][1] == String and rows[2][1] == Integer)
  assert(#collect(Pair:targs()) == 0 and #collect(Number:tparams()) == 0)
end

-- value, validators, readonly
do
  type S = "text"
  type B = false
  type F = 1.5
  assert(S:value() == "text" and B:value() == false and F:value() == 1.5 and Number:value() == nil)
  type V = string @min_len(1) @pattern("a") @max_len(5)
  local rows = collect(V:validators())
  assert(#rows == 3 and rows[1][1] == "min_len" and rows[1][2] == 1 and rows[2][1] == "pattern" and rows[2][2] == "a")
  type C = {x: number} @closed
  assert(collect(C:validators())[1][1] == "closed" and #collect(Number:validators()) == 0)
  type R = readonly {number}
  type W = {number}
  assert(R:readonly() == true and W:readonly() == false and Number:readonly() == nil)
end

-- source
do
  assert(Point:source() == "{x: number, readonly y?: Id, [string]: boolean}" and Id:source() == "string @min_len(3)")
  assert(Number:source() == "number" and Box(Id):source() == "{value: Id}")
end

-- Generics are instantiated, and instances are the same.
do
  type Num<T: number> = {T}
  assert(Box(Number) == Box(Number) and Box(Number) ~= Box(Integer) and Box(Box(Number)).value == Box(Number))
  local function raises(wanted, f, ...)
    local ok, message = pcall(f, ...)
    assert(not ok and message:find(wanted, 1, true), tostring(message))
  end
  raises("'Box' takes 1 type argument, got 2", Box, Number, Number)
  raises("'Box' takes 1 type argument, got 0", Box)
  raises("bad argument #1 to 'Box' (type expected, got number)", Box, 5)
  raises("string does not satisfy constraint number of 'T'", Num, String)
  assert(Num(Integer):elem() == Integer)
  assert(Type(Number) == Number, "for a type that is not generic every argument is data")
end

-- Methods want a type.
do
  for _, name in ipairs {"kind", "name", "fields", "field", "elem", "key", "val", "inner", "variants", "members", "params",
    "ret", "rets", "vararg", "tparams", "targs", "value", "validators", "readonly", "source", "is", "check", "schema"} do
    local method = Number[name]
    assert(type(method) == "function", name)
    local ok, message = pcall(method, 5)
    assert(not ok and message:find("type expected, got number", 1, true), message)
  end
  local ok, message = pcall(function() return Number:nothing() end)
  assert(not ok and message:find("method 'nothing'", 1, true), message)
end

-- Iterators survive collections, and being used up.
do
  local iterator = Point:fields()
  collectgarbage()
  assert(iterator() == "x" and iterator() == "y" and iterator() == nil and iterator() == nil)
end
