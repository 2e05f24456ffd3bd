-- Alias statements as values: types specification §1.8 and §5.1.

-- An alias is a value from its statement to the end of its block.
do
  assert(Local == nil)
  do
    type Local = {x: number}
    assert(type(Local) == "type" and Local:name() == "Local")
    local function inner() return function() return Local end end
    assert(inner()() == Local, "a constant in nested functions")
  end
  assert(Local == nil)
end

-- No register, no captured variable: `debug` does not see it.
do
  type Hidden = number
  local after = Hidden
  local function user() return Hidden end
  assert(debug.getupvalue(user, 1) == nil)
  local i, found = 1, false
  while true do
    local name = debug.getlocal(1, i)
    if not name then break end
    assert(name ~= "Hidden")
    found = found or name == "after"
    i = i + 1
  end
  assert(found and after == Hidden)
end

-- All aliases of a block know each other; as values they do not.
do
  type First = {second: Second?}
  assert(Second == nil, "not a value yet")
  type Second = {first: First?, n: integer}
  assert(First:is({second = {n = 1, first = {}}}) and not First:is({second = {n = 1.5}}))
  assert(First:is({second = {first = {second = {n = 1}}, n = 2}}))
  local _, err = First:is({second = {first = {second = {}}, n = 2}})
  assert(err:details().path == "second.first.second.n")
end

-- A forward reference that is no cycle.
do
  type Outer = {inner: Inner}
  type Inner = {n: integer}
  assert(Outer:is({inner = {n = 1}}) and not Outer:is({inner = {}}))
  assert(tostring(Outer.inner) == "Inner")
end

-- An inner alias hides an outer one and an outer local; a later local hides the alias.
do
  type T = number
  local v = 1
  do
    type T = string
    type v = boolean
    assert(T == String and v == Boolean)
  end
  assert(T == Number and v == 1)
  local T = "later"
  assert(T == "later")
  local typed: T = 1
  assert(typeof(typed) == Number, "the type is still meant in types")
end

-- A local or parameter of the same block keeps the name as a value.
do
  local Account = {}
  type Account = {balance: number}
  assert(type(Account) == "table")
  local function f(Param)
    type Param = number
    return Param
  end
  assert(f(3) == 3)
  for Item in pairs({key = 1}) do
    type Item = number
    assert(Item == "key")
  end
  local shadowed = 1
  do
    type shadowed = number
    assert(shadowed == Number)
  end
end

-- Assigning to an alias is an error when the chunk is loaded.
do
  for _, source in ipairs {
    "type P = number P = 1", "type P = number local a a, P = 1, 2", "type P = {} function P.new() end",
    "type P = {} function P:m() end", "type P = number function P() end",
    "type P = number return function() P = nil end",
  } do
    local f, message = load(source, "=s")
    assert(not f and message:find("cannot assign to type 'P'", 1, true), message)
  end
  assert(load("type P = {} P.x = 1", "=s"))
  local ok, message = pcall(load("type P = {} P.x = 1", "=s"))
  assert(not ok and message:find("type", 1, true), message)
end

-- An alias is no local: not for `goto`, not for the limit of locals.
do
  goto over
  type Skipped = number
  ::over::
  assert(Skipped == Number, "a constant needs no initialisation")
  local source = {}
  for i = 1, 200 do source[#source + 1] = "local l" .. i end
  source[#source + 1] = "type T = number return T"
  assert(load(table.concat(source, "\n"))() == Number)
end

-- In `repeat`, the condition sees the names of the body.
do
  local n = 0
  repeat
    type Done = 3
    n = n + 1
  until Done:is(n)
  assert(n == 3)
end

-- What cannot be resolved is `any`; a program runs.
do
  type Odd = {a: Nowhere, b: some.module.Type}
  assert(Odd:is({}) and Odd.a == Any and Odd.b == Any)
  type Self = Self
  assert(Self:is(1) and select(2, Self:is(nil)) == nil)
  type X = Y
  type Y = X | nil
  -- Here a value is looked at again and again, until that is too deep.
  assert(select(2, Y:is(nil)) == nil and select(2, X:is(1)):details().rule == "depth")
end

-- Generics: as a value the alias is generic, in a type it is instantiated.
do
  type Box<T> = {value: T}
  type Boxes = {Box<string>}
  assert(Box:kind() == "generic" and Boxes:elem() == Box(String))
  assert(Boxes:is({{value = "x"}}) and not Boxes:is({{value = 1}}))
  type Pair<A, B = A> = {A | B}
  assert(Pair(Number) == Pair(Number, Number) and Pair(Number, String):elem() == (Pair(String, Number)):elem())
  type Uses = {p: Pair<integer>}
  assert(Uses.p:elem() == Integer)
  type List<T> = {head: T, tail: List<T>?}
  assert(List(Integer):is({head = 1, tail = {head = 2}}))
  assert(not List(Integer):is({head = 1, tail = {head = "x"}}))
  assert(List(Integer) == List(Integer) and List(Integer) ~= List(Number))
  -- Its own argument grows with every level; the value is looked at no deeper than it is.
  type Nest<T> = {v: T, next: Nest<{T}>?}
  assert(Nest(Integer):is({v = 1, next = {v = {1}, next = {v = {{1}}}}}))
  assert(not Nest(Integer):is({v = 1, next = {v = {1}, next = {v = {1}}}}))
  type Loop<T = Loop> = {v: T?}
  assert(Loop ~= nil)
end

-- A type parameter of the function around is its constraint, or unknown.
do
  local function generic<T, C: {x: number}>(a: T)
    type Inner = {t: T, c: C}
    return Inner
  end
  local Inner = generic(1)
  assert(Inner.t == Unknown and tostring(Inner.c) == "{x: number}")
end

-- `typeof` in a type uses what declarations show.
do
  local declared: {integer} = {}
  local inferred = {1, 2}
  local function signed(a: string, b?: number): (boolean, string) return true, a end
  type Name = string
  type A = typeof(declared)
  type B = typeof(inferred)
  type C = typeof({x = 1, y = "s"})
  type D = typeof(signed)
  type E = typeof(signed("a"))
  type F = typeof(inferred :: {string})
  type G = typeof(Name("x"))
  type H = typeof(1.5)
  type I = typeof(C)
  assert(A:elem() == Integer and B == Any and tostring(C:source()) == "{x: integer, y: string}")
  assert(D:source() == "(a: string, b?: number) -> (boolean, string)" and E == Boolean)
  assert(F:elem() == String and G == String and H == Float and I == Any)
end

-- Loading the same chunk twice gives the same types; another declaration of a recursive alias is another type.
do
  local source = "type Node = {next: Node?} type Flat = {x: number} return Node, Flat"
  local n1, f1 = load(source, "=one")()
  local n2, f2 = load(source, "=one")()
  local n3, f3 = load(source, "=two")()
  assert(n1 == n2 and f1 == f2 and f1 == f3 and n1 ~= n3)
  assert(n1 <= n3 and n3 <= n1, "they have the same values")
end

-- Annotations alone, and aliases that nobody uses, leave nothing behind.
do
  local plain = string.dump(load("local x = 1 return x", "=s"), true)
  local typed = string.dump(load("type T = {a: number} local x: T = 1 return x", "=s"), true)
  assert(plain == typed)
end

-- Bad validators are errors when the chunk is loaded (E0029).
do
  local function refused(source, wanted)
    local f, message = load(source, "=s")
    assert(not f and message:find(wanted, 1, true), tostring(message))
  end
  refused("type T = string @nothing", "unknown validator '@nothing'")
  refused("type T = string @pattern('(')", "invalid pattern")
  refused("type T = string @pattern(1)", "'@pattern' takes one string")
  refused("type T = number @min('x')", "'@min' takes one number")
  refused("type T = string @min_len(-1)", "'@min_len' takes one length")
  refused("type T = {} @closed(1)", "'@closed' takes no argument")
end
