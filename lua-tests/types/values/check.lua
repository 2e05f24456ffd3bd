-- `T:check(v [, limit])`: types specification §5.4.

-- The lines `path: rule` of what is wrong.
local function wrong(T, value, limit)
  local ok, list = T:check(value, limit)
  assert(ok == false and type(list) == "table")
  local lines = {}
  for i, err in ipairs(list) do
    assert(err:kind() == errors.INVALID and typeof(err) == Error)
    lines[i] = err:details().path .. ": " .. err:details().rule
  end
  assert(#lines == #list)
  return table.concat(lines, "; ")
end

-- True alone for what passes.
do
  type Point = {x: number}
  assert(select("#", Point:check({x = 1})) == 1 and Point:check({x = 1}) == true)
  assert(Number:check(1) == true and Nil:check() == true)
end

-- Every field, element and entry, in the order in which one is found.
do
  type User = {name: string @min_len(1), age: integer @min(0), tags: {string}, scores: {[string]: number}, note: string?}
  assert(wrong(User, {name = "", age = -1, tags = {1, "a", true}, scores = {a = "x"}})
    == "name: min_len; age: min; tags[1]: type; tags[3]: type; scores.a: type")
  assert(wrong(User, {}) == "name: missing; age: missing; tags: missing; scores: missing")
  assert(wrong(User, {name = "x", age = 1, tags = {}, scores = {[1] = 2}}) == "scores: key")
  assert(wrong(User, 5) == ": type")
  local ok, list = User:check({name = "x", age = "old", tags = {}, scores = {}, note = 1})
  assert(not ok and #list == 2 and list[1]:message() == "age: expected integer, got string")
  assert(list[2]:message() == "note: expected string, got number" and list[2]:details().type == "User")
end

-- The first of them is the one that `is` returns.
do
  type Deep = {items: {{id: integer, name: string}}}
  local value = {items = {{id = 1, name = "x"}, {id = "2"}, {name = 3}}}
  assert(wrong(Deep, value) == "items[2].id: type; items[2].name: missing; items[3].id: missing; items[3].name: type")
  local _, err = Deep:is(value)
  assert(err:message() == select(2, Deep:check(value))[1]:message())
end

-- At most so many; 100 if not said.
do
  type Numbers = {number}
  local list = {}
  for i = 1, 500 do list[i] = "x" end
  assert(#select(2, Numbers:check(list)) == 100 and #select(2, Numbers:check(list, 500)) == 500)
  assert(wrong(Numbers, list, 2) == "[1]: type; [2]: type")
  local ok, none = Numbers:check(list, 0)
  assert(ok == false and #none == 0 and #select(2, Numbers:check(list, -1)) == 0)
  assert(not pcall(Numbers.check, Numbers, list, "many"))
end

-- All validators that do not hold.
do
  type Word = string @min_len(3) @pattern("^[a-z]+$")
  assert(wrong(Word, "A") == ": min_len; : pattern")
  type Exact = {x: number} @closed
  assert(wrong(Exact, {x = 1, y = 2}) == ": closed")
  assert(wrong(Exact, {y = 2}) == "x: missing", "validators come after the structure")
end

-- Unions: what the claimed member says, and nothing of members that failed before one that passes.
do
  type Shape = {kind: "sq", side: number, name: string} | {kind: "ci", r: number, name: string}
  assert(wrong(Shape, {kind = "ci", r = "x"}) == "r: type; name: missing")
  type Scene = {a: Shape, b: Shape, c: number}
  assert(wrong(Scene, {a = {kind = "ci", r = 1, name = "n"}, b = {kind = "sq"}, c = "x"})
    == "b.side: missing; b.name: missing; c: type")
  assert(wrong(Scene, {a = 1, b = {kind = "ci", r = 1, name = "n"}, c = 1}) == "a: type")
end

-- Intersections.
do
  type Node = {next: Node?}
  type Named = Node & {name: string}
  assert(wrong(Named, {next = 1}) == "next: type; name: missing")
end

-- Cycles and depth.
do
  type Node = {next: Node?, n: integer}
  local a = {n = "x"}
  a.next = {n = "y", next = a}
  assert(wrong(Node, a) == "next.n: type; n: type")
  local deep = {n = 1}
  for _ = 1, 1000 do deep = {n = 1, next = deep} end
  assert(wrong(Node, deep) == ("next."):rep(199) .. "next: depth")
end
