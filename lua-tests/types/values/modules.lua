-- Types of other modules: types specification §6.1. The modules are in support/.

local shop = require("support.types_shop")
local people = require("support.types_people")

-- Exported aliases, as types and as values.
do
  type Order = {customer: people.Person, lines: {shop.Line}, note: string?}
  assert(Order.customer == people.Person and Order.lines:elem():name() == "Line")
  assert(tostring(Order.customer) == "Person" and Order:source() == "{customer: Person, lines: {Line}, note: string?}")
  local good = {customer = {name = "Ada", friends = {}}, lines = {{item = "tea", count = 2}}}
  assert(Order:is(good))
  good.lines[1].count = 0
  local _, err = Order:is(good)
  assert(err:details().path == "lines[1].count" and err:details().rule == "min")
  good.lines[1].count = 1
  good.customer.friends[1] = {name = "Bob", friends = {{}}}
  assert(select(2, Order:is(good)):details().path == "customer.friends[1].friends[1].name")
end

-- A recursive alias is the same type wherever it is used.
do
  type Mine = {person: people.Person}
  assert(Mine.person == people.Person and rawequal(Mine.person, people.Person))
  local buyer = shop.Order.buyer
  assert(buyer == people.Person and buyer:is(people.make("x")))
  assert(typeof(people.make("z") :: people.Person) == people.Person)
  local p: people.Person = people.make("p")
  assert(typeof(p) == people.Person)
end

-- Generics, with their arguments and defaults.
do
  type Names = people.Pair<string>
  type Mixed = {pair: people.Pair<string, integer>}
  assert(Names:is({first = "a", second = "b"}) and not Names:is({first = "a", second = 1}))
  assert(Mixed.pair:is({first = "a", second = 1}) and tostring(Mixed.pair) == "Pair<string, integer>")
  type Wrong = {a: people.Pair, b: people.Pair<string, string, string>, c: people.Person<string>}
  assert(Wrong.a == Any and Wrong.b == Any and Wrong.c == Any)
end

-- What is exported: `export type`, fields of the returned table, and what they pass on.
do
  type Seen = {
    a: shop.Renamed, b: shop.Passed, c: shop.Assigned, d: shop.Line,
    e: shop.Hidden, f: shop.Class, g: shop.Nothing, h: shop.PassedLine,
  }
  assert(Seen.a:name() == "Original" and Seen.b == people.Person and Seen.c == String and Seen.d:kind() == "record")
  assert(Seen.e == Any and Seen.f == Any and Seen.g == Any and Seen.h == Any)
  assert(shop.Line == nil, "an export alone adds no field")
  type Again = shop.Again
  assert(Again == people.Person)
end

-- Two modules that need each other.
do
  local left = require("support.types_left")
  type Pair = {l: left.Left}
  assert(Pair:is({l = {right = {n = 1}}}) and not Pair:is({l = {right = {n = "x"}}}))
end

-- The name means the module only where the local variable does.
do
  local other = people
  type A = {p: other.Person, q: nowhere.Type, r: people.deep.Type}
  assert(A.p == Any and A.q == Any and A.r == Any)
  do
    local people = {}
    type B = {p: people.Person}
    assert(B.p == Any)
  end
  local function inner()
    type C = {p: people.Person}
    return C
  end
  assert(inner().p == people.Person)
  local require = function() return people end
  local mine = require("support.types_people")
  type D = {p: mine.Person}
  assert(D.p == Any)
end

-- A module that is missing, or does not parse, is no reason not to load.
do
  local f = assert(load("local m = require('no.such.module') type T = {x: m.X} return T"))
  assert(not pcall(f))
  assert(load("local m = require('support.types_broken') type T = {x: m.X} return T"))
end

-- In binary chunks.
do
  type Order = {customer: people.Person, pair: people.Pair<integer>}
  local function types() return Order end
  for _, strip in ipairs {false, true} do
    assert(load(string.dump(types, strip))() == Order)
  end
end
-- A wrong number of arguments makes no chunk that cannot be read again.
do
  type One<T> = {T}
  type Two = {a: One<number, string>, b: One}
  assert(Two.a == Any and Two.b == Any and load(string.dump(function() return Two end))() == Two)
end
