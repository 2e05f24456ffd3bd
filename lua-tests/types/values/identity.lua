-- Identity and comparison of type values: types specification §5.3.

-- Equal structure, equal value; the name is carried beside it.
do
  type A = {x: number, y?: string}
  type B = {y?: string, x: number}
  type C = {x: number, y: string}
  assert(A == B and rawequal(A, B) and A ~= C and not rawequal(A, C))
  assert(tostring(A) == "A" and tostring(B) == "B")
  type U = "a" | "b" | number
  type V = number | "b" | "a"
  assert(U == V)
  type W = string @min_len(1) @max_len(3)
  type X = string @max_len(3) @min_len(1)
  type Y = string @min_len(1)
  assert(W == X and W ~= Y and Y ~= String)
  type F = (a: number) -> string
  type G = (b: number) -> string
  assert(F == G)
  type I = 3
  type J = 3.0
  type Zero = 0.0
  type Minus = -0.0
  assert(I ~= J and Zero == Minus)
end

-- Equal types are the same table key; the first one is the key.
do
  type Key1 = {key: number}
  type Key2 = {key: number}
  local t = {[Key1] = "one"}
  assert(t[Key2] == "one" and rawget(t, Key2) == "one" and next(t, Key2) == nil)
  t[Key2] = "two"
  assert(t[Key1] == "two")
  local count = 0
  for k, v in pairs(t) do
    count = count + 1
    assert(k == Key2 and tostring(k) == "Key1" and v == "two")
  end
  assert(count == 1)
  t[Key2] = nil
  assert(next(t) == nil)
  rawset(t, Key2, 1)
  assert(t[Key1] == 1)
  local handlers = {[Number] = "n", [String] = "s", [Nil] = "nil"}
  assert(handlers[typeof(1.5)] == "n" and handlers[typeof("x")] == "s" and handlers[typeof(nil)] == "nil")
  local weak = setmetatable({}, {__mode = "k"})
  do weak[Key1] = {} end
  collectgarbage()
  assert(weak[Key2], "types do not die")
end

-- Recursive aliases: the declaration and its arguments.
do
  local function make() type Node = {next: Node?} return Node end
  type Node = {next: Node?}
  assert(make() == make() and make() ~= Node)
  assert(make() <= Node and Node <= make() and not (Node ~= Node))
end

-- `<=` is the subtype relation.
do
  type Point = {x: number, y: number}
  type Point3 = {x: number, y: number, z: number}
  type Readonly = {readonly x: number | string}
  assert(Point3 <= Point and Point3 < Point and not (Point <= Point3) and Point >= Point3 and Point > Point3)
  assert(Point <= Point and not (Point < Point))
  assert(Point < Readonly and not (Readonly <= Point))
  assert(Integer < Number and Number > Integer and Number <= Any and Any <= Any and not (Any <= Number))
  assert(Never < Integer and Never <= Never and Number < Unknown)
  type One = 1
  type Word = "a" | "b"
  type Words = {Word}
  type Strings = {string}
  assert(One < Integer and Word < String and Words < Strings and not (Strings <= Words))
  type Maybe = number?
  assert(Number < Maybe and Nil < Maybe and not (Maybe <= Number))
  type Bool = true | false
  assert(Bool == Boolean)
  type Split = true | nil | "x" | false
  assert(Boolean < Split)
  type M1 = {[string]: number}
  type M2 = {[string]: number | nil}
  type M3 = readonly {[string]: number | nil}
  type MA = {[string]: any}
  assert(not (M1 <= M2) and M1 <= M3 and M1 <= MA)
  assert(Strings <= Table and M1 <= Table and Point <= Table and not (Table <= Point))
  assert(not (Number <= String) and not (String <= Number) and not (Number < String) and not (Number >= String))
end

-- Functions.
do
  type F = (number) -> string
  type Wider = (number | string) -> string
  type Fewer = () -> string
  type More = (number, string) -> string
  type Opt = (number, b?: string) -> string
  type Nothing = (number) -> ()
  type Literal = (number) -> "a"
  assert(Wider < F and not (F <= Wider) and Fewer < F and not (More <= F) and Opt < F)
  assert(F < Nothing and Literal < F and F < Function and not (Function <= F))
end

-- Validators.
do
  type Min5 = number @min(5)
  type Min0 = number @min(0)
  type Both = number @min(5) @max(9)
  type P = string @pattern("a")
  type Q = string @pattern("b")
  type Float5 = number @min(5.5)
  assert(Min5 < Number and Min5 < Min0 and not (Min0 <= Min5) and Both < Min5 and Float5 < Min5)
  assert(P < String and not (P <= Q) and not (Q <= P) and not (Number <= Min0))
  type Short = string @max_len(2)
  type Long = string @max_len(9)
  assert(Short < Long)
end

-- Recursive types.
do
  type Tree = {kids: {Tree}}
  type Wood = {kids: {Wood}, name: string}
  type Open = {kids: {any}}
  assert(Wood < Tree or not (Wood <= Tree), "decided")
  type RTree = {readonly kids: {RTree}}
  type RWood = {readonly kids: {RWood}, name: string}
  assert(RWood < RTree and not (RTree <= RWood))
end

-- Other operators raise, with the word "type".
do
  type T = {x: number}
  local function raises(f, ...)
    local ok, message = pcall(f, ...)
    assert(not ok and tostring(message):find("type", 1, true), tostring(message))
  end
  assert(math.type(T) == nil and getmetatable(T) == nil and debug.getmetatable(T) == nil)
  raises(function() return T + 1 end)
  raises(function() return -T end)
  raises(function() return #T end)
  raises(function() return T .. "x" end)
  raises(function() T.x = 1 end)
  raises(function() for _ in pairs(T) do end end)
  raises(function() return T < 1 end)
  raises(function() return "x" <= T end)
  raises(setmetatable, T, {})
  raises(debug.setmetatable, T, {})
  raises(function() return T & 1 end)
  assert((T == 1) == false and (T == nil) == false and T ~= "T" and not rawequal(T, {}))
  local ok, message = pcall(function() return T < {} end)
  assert(message:find("attempt to compare type with table", 1, true))
  ok, message = pcall(function() local local_type = T return local_type + 1 end)
  assert(message:find("attempt to perform arithmetic on a type value (local 'local_type')", 1, true), message)
end

-- Normal forms (§2.3).
do
  type A = number | integer | nil | nil
  type B = number?
  type C = any | string
  type D = (string | never)?
  type E = number & integer
  type F = string & number
  type G = {x: number} & {y: string}
  type H = {x: number, y: string}
  type I = ({a: 1} | {b: 2}) & {c: 3}
  type J = "a" | string
  type K = integer | float
  type L = unknown & string
  type M = string & any
  type N = {x: number} | {x: number, y: string}
  type O = ("a" | "b") & "b"
  type P = "a" & "b"
  assert(A == B and C == Any and D:inner() == String and E == Integer and F == Never and G == H)
  assert(I:kind() == "union" and J == String and K == Number and L == String and M == Any)
  assert(O:value() == "b" and P == Never)
  type Big = {v: 1}
  assert(N:kind() == "union" or N:kind() == "record")
  -- More literals than a union may have.
  local source = {}
  for i = 1, 300 do source[i] = '"s' .. i .. '"' end
  local parts = {"type U0 = " .. table.concat(source, "|", 1, 200), "type U1 = " .. table.concat(source, "|", 201, 300)}
  assert(load(table.concat(parts, "\n") .. "\ntype U = U0 | U1 return U")() == String)
end
