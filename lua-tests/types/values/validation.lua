-- Validation: types specification §5.4.

local function fails(T, value, path, rule, message)
  local v, err = T:is(value)
  assert(v == nil and err ~= nil, "accepted: " .. tostring(T))
  local details = err:details()
  assert(details.path == path, details.path)
  assert(details.rule == rule, details.rule)
  assert(message == nil or err:message() == (path == "" and "" or path .. ": ") .. message, err:message())
  return details
end
local function passes(T, value)
  local v, err = T:is(value)
  assert(rawequal(v, value) and err == nil, tostring(err))
  assert(rawequal(T(value), value))
end

-- `T(v)` returns the value itself or raises; `T:is(v)` returns a pair.
do
  type User = {name: string}
  local user = {name = "x"}
  assert(User(user, "ignored") == user)
  local ok, err = pcall(User, {name = 1})
  assert(not ok and err:kind() == errors.INVALID and err:retryable() == false)
  assert(err:message() == "name: expected string, got number" and tostring(err) == err:message())
  local d = err:details()
  assert(d.path == "name" and d.expected == "string" and d.got == "number" and d.rule == "type" and d.type == "User")
  assert(err:stack():find("validation.lua"))
  local v, e = User:is(user)
  assert(v == user and e == nil and select("#", User:is(user)) == 2)
  v, e = User:is(5)
  assert(v == nil and e:message() == "expected table, got number")
  assert(not pcall(User) and Nil() == nil and select("#", Nil()) == 1)
  local no, e2 = Boolean:is(false)
  assert(no == false and e2 == nil)
  assert(not pcall(User.is, 1) and not pcall(function() return User.is() end))
end

-- Basic kinds and literals.
do
  passes(Integer, 3) fails(Integer, 3.0, "", "type", "expected integer, got float")
  fails(Float, 3, "", "type", "expected float, got integer")
  fails(Integer, "3", "", "type", "expected integer, got string")
  fails(Never, nil, "", "type", "expected never, got nil")
  type One = 1
  type OneF = 1.0
  type A = "a"
  type Yes = true
  passes(One, 1) passes(OneF, 1.0) passes(A, "a") passes(Yes, true)
  fails(One, 1.0, "", "type", "expected 1, got 1.0")
  fails(OneF, 1, "", "type", "expected 1.0, got 1")
  fails(One, 2, "", "type", "expected 1, got 2")
  fails(A, "b", "", "type", 'expected "a", got "b"')
  fails(A, 5, "", "type", 'expected "a", got 5')
  fails(A, ("x"):rep(50), "", "type", 'expected "a", got "' .. ("x"):rep(40) .. '"...')
  fails(Yes, false, "", "type", "expected true, got false")
  type Zero = 0.0
  passes(Zero, -0.0)
  fails(Error, io.stdout, "", "type") fails(Error, "text", "", "type", "expected error, got string")
  fails(Type, "number", "", "type")
  type Long = "a literal that is longer than the forty bytes of interned strings"
  passes(Long, ("a literal that is longer than the forty bytes of " .. "interned strings"))
end

-- Optional and union.
do
  type Maybe = number?
  passes(Maybe, nil) passes(Maybe, 1) fails(Maybe, "x", "", "type", "expected number, got string")
  type U = number | string | {x: number}
  passes(U, 1) passes(U, "x") passes(U, {x = 1})
  fails(U, true, "", "type", "expected number | string | {x: number}, got boolean")
  type L = "a" | "b"
  fails(L, "c", "", "type", 'expected "a" | "b", got "c"')
  fails(L, nil, "", "type", 'expected "a" | "b", got nil')
  type Shape = {kind: "sq", side: number} | {kind: "ci", r: number}
  passes(Shape, {kind = "sq", side = 1}) passes(Shape, {kind = "ci", r = 1})
  fails(Shape, {kind = "ci", r = "x"}, "r", "type", "expected number, got string")
  fails(Shape, {kind = "tr"}, "", "type")
  fails(U, {x = "s"}, "x", "type", "expected number, got string")
end

-- Intersection.
do
  type Both = {x: number} & {y: string}
  passes(Both, {x = 1, y = "s"}) fails(Both, {x = 1}, "y", "missing")
  type Node = {next: Node?}
  type Named = Node & {name: string}
  passes(Named, {name = "a", next = {}}) fails(Named, {next = {}}, "name", "missing")
  fails(Named, {name = "a", next = 1}, "next", "type")
end

-- Arrays.
do
  type Numbers = {number}
  passes(Numbers, {}) passes(Numbers, {1, 2.5}) passes(Numbers, {1, nil, 3})
  fails(Numbers, {1, "x", true}, "[2]", "type", "expected number, got string")
  fails(Numbers, {k = 1}, "", "type", "expected {number}, got table")
  fails(Numbers, "x", "", "type", "expected table, got string")
  passes(Numbers, {1, k = "not looked at"})
  local sparse = {}
  for i = 1, 1000 do sparse[i] = i end
  passes(Numbers, sparse)
  sparse[1000] = "x"
  fails(Numbers, sparse, "[1000]", "type")
end

-- Maps.
do
  type Counts = {[string]: integer}
  passes(Counts, {}) passes(Counts, {a = 1, b = 2})
  fails(Counts, {a = "x"}, "a", "type", "expected integer, got string")
  fails(Counts, {[5] = 1}, "", "key", "key 5: expected string, got integer")
  fails(Counts, {["odd key"] = 1.5}, '["odd key"]', "type")
  type ById = {[integer]: {string}}
  fails(ById, {[7] = {"a", 1}}, "[7][2]", "type")
  type Keys = {["x" | "y"]: any}
  fails(Keys, {z = 1}, "", "key", 'key "z": expected "x" | "y", got string')
  fails(ById, {[true] = {}}, "", "key", "key true: expected integer, got boolean")
end

-- Records.
do
  type Point = {x: number, y: number?, tag?: string}
  passes(Point, {x = 1}) passes(Point, {x = 1, y = 2, tag = "t", more = "allowed"})
  local d = fails(Point, {}, "x", "missing", "expected number, got nil (missing field)")
  assert(d.expected == "number" and d.got == "nil")
  fails(Point, {x = 1, tag = 5}, "tag", "type", "expected string, got number")
  fails(Point, {x = "a", y = "b"}, "x", "type")
  type Mixed = {n: integer, [string]: string}
  passes(Mixed, {n = 1, other = "s"}) fails(Mixed, {n = 1, other = 2}, "other", "type")
  fails(Mixed, {n = 1, [1] = "s"}, "", "key")
  type Odd = {["end"]: integer, ["two words"]: integer}
  fails(Odd, {["end"] = "x"}, '["end"]', "type") fails(Odd, {["end"] = 1, ["two words"] = "x"}, '["two words"]', "type")
  type Deep = {items: {{tags: {["a b"]: string}}}}
  fails(Deep, {items = {{tags = {["a b"] = "s"}}, {tags = {["a b"] = 1}}}}, 'items[2].tags["a b"]', "type")
  type Empty = {}
  passes(Empty, {}) passes(Empty, {anything = 1}) fails(Empty, 1, "", "type")
  type False = {flag: boolean}
  passes(False, {flag = false})
end

-- Functions, threads.
do
  type F = (number) -> string
  passes(F, print) passes(F, function() end) fails(F, {}, "", "type", "expected function, got table")
  local callable = setmetatable({}, {__call = print})
  passes(F, callable) passes(Function, callable) passes(Function, string)
  fails(Function, setmetatable({}, {__index = print}), "", "type") fails(Function, io.stdout, "", "type")
  type Object = function & {name: string}
  passes(Object, setmetatable({name = "x"}, {__call = print})) fails(Object, {name = "x"}, "", "type")
end

-- Readonly has no effect.
do
  type R = {readonly x: number}
  type RA = readonly {number}
  passes(R, {x = 1}) passes(RA, {1}) fails(RA, {"x"}, "[1]", "type")
end

-- Fields are read raw, and along tables of `__index`; no Lua code runs.
do
  type Point = {x: number}
  local class = {x = 5}
  class.__index = class
  passes(Point, setmetatable({}, class))
  passes(Point, setmetatable({}, {__index = setmetatable({}, {__index = {x = 1}})}))
  local called = false
  local object = setmetatable({}, {__index = function() called = true return 1 end, __len = error, __pairs = error})
  fails(Point, object, "x", "missing")
  assert(not called)
  local chain = {x = 1}
  for _ = 1, 15 do chain = setmetatable({}, {__index = chain}) end
  passes(Point, chain)
  for _ = 1, 5 do chain = setmetatable({}, {__index = chain}) end
  fails(Point, chain, "x", "missing")
  local loop = {}
  setmetatable(loop, {__index = loop})
  fails(Point, loop, "x", "missing")
end

-- Library tables and globals.
do
  type Lib = {insert: function, concat: function}
  passes(Lib, table)
  type Globals = {print: function, string: {format: function}}
  passes(Globals, _G)
  type Names = {[string]: any}
  passes(Names, _G)
end

-- Host objects have methods.
do
  type File = {read: function, close: function}
  passes(File, io.stdout)
  fails(File, errors.new("x"), "read", "missing")
end

-- Cycles end; depth over 200 fails.
do
  type Node = {next: Node?, prev: Node?, n: integer}
  local a, b = {n = 1}, {n = 2}
  a.next, b.next, a.prev, b.prev = b, a, b, a
  passes(Node, a)
  b.n = "x"
  fails(Node, a, "next.n", "type")
  local function chain(n)
    local list = {n = 0}
    for _ = 2, n do list = {n = 0, next = list} end
    return list
  end
  passes(Node, chain(200))
  local d = fails(Node, chain(202), ("next"):rep(200, "."), "depth")
  assert(d ~= nil)
  fails(Node, chain(100000), ("next"):rep(200, "."), "depth", "too deep")
  type Any = {[any]: Any} | number
  local self = {}
  self[self] = self
  passes(Any, self)
  self[1] = {self, "x"}
  fails(Any, self, "[1][2]", "type")
end

-- Shared parts are looked at once: this would take longer than anybody waits.
do
  type Tree = {l: Tree, r: Tree} | number
  type Record = {l: Record?, r: Record?, n: any}
  local t, r = 1, {}
  for _ = 1, 60 do t, r = {l = t, r = t}, {l = r, r = r} end
  passes(Tree, t) passes(Record, r)
  local bad, broken = "x", {l = 1}
  for _ = 1, 60 do bad, broken = {l = bad, r = bad}, {l = broken, r = broken} end
  assert(Tree:is(bad) == nil and Record:is(broken) == nil)
end

-- A member of a union that fails does not leave its assumptions behind.
do
  type A = {kind: "a", self: A | B, n: number}
  type B = {kind: "a", self: A | B, n: string}
  local b = {kind = "a", n = "s"}
  b.self = b
  passes(B, b)
  type U = A | B
  passes(U, b)
  b.n = true
  assert(U:is(b) == nil)
end

-- The first failure wins: fields in order of declaration, elements ascending.
do
  type R = {b: number, a: number, list: {number}}
  fails(R, {a = "x", b = "x", list = {"x"}}, "b", "type")
  fails(R, {a = "x", b = 1, list = {"x"}}, "a", "type")
  fails(R, {a = 1, b = 1, list = {1, "x", "y"}}, "list[2]", "type")
end

-- A generic type validates nothing.
do
  type Box<T> = {value: T}
  type Pair<A, B> = {a: A, b: B}
  fails(Box, {value = 1}, "", "type", "type 'Box' needs 1 type argument")
  fails(Pair, 1, "", "type", "type 'Pair' needs 2 type arguments")
end

-- Errors do not stop a coroutine that goes on validating; results survive collections.
do
  type Point = {x: number}
  local co = coroutine.wrap(function()
    while true do coroutine.yield(Point:is({x = "s"})) end
  end)
  for _ = 1, 50 do
    local v, e = co()
    collectgarbage()
    assert(v == nil and e:details().path == "x")
  end
end

-- In unions within tables, what is told is what the member says that the value claims to be.
do
  type Shape = {kind: "sq", side: number, more: {Shape}?} | {kind: "ci", r: number, more: {Shape}?}
  fails(Shape, {kind = "ci", r = 1, more = {{kind = "sq", side = 1}, {kind = "ci", r = "x"}}}, "more[2].r", "type")
  type Scene = {main: Shape?, others: {[string]: Shape}}
  fails(Scene, {others = {a = {kind = "sq"}}}, "others.a.side", "missing")
  fails(Scene, {others = {}, main = "text"}, "main", "type")
  type Text = string | {length: number}
  fails(Text, true, "", "type", "expected string | {length: number}, got boolean")
end
