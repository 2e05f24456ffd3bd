-- Types made to be too much: types specification §1.7, and that nothing here depends on the depth of a type.

-- Instances within instances, as deep as one likes.
do
  type Box<T> = {value: T}
  type Case<T> = {value: T}
  type Both<A, B> = A & B
  type Either<A, B> = A | B
  type Maybe<T> = (T & {a: any}) | false
  local box, case, maybe = Number, String, Number
  for _ = 1, 20000 do
    box, case, maybe = Box(box), Case(case), Maybe(maybe)
  end
  local both, either = Both(box, case), Either(box, case)
  assert(#tostring(both) < 1000 and #tostring(either) < 1000 and #tostring(maybe) < 1000)
  assert(not both:is({}) and not either:is({value = 1}) and not maybe:is({a = {}}))
  assert(box ~= case and not (box <= case) and box <= box)
  local data = 1
  for _ = 1, 20000 do data = {value = data} end
  local _, err = box:is(data)
  assert(err:details().rule == "depth")
end

-- Types that refer to nothing but themselves.
do
  type A = A @min(1)
  type B = B?
  type C = C | C
  type D = D & {x: number}
  type E = {E} & {E}
  type F = F
  type G<T> = G<T>
  type H<T> = {v: H<H<T>>?}
  for _, T in ipairs {A, B, C, D, E, F, G(Number), H(Number)} do
    assert(type(T:kind()) == "string" and type(tostring(T)) == "string" and type(T:source()) == "string")
    T:is(1) T:is(nil) T:is({}) T:is({x = 1})
    assert(T == T and T <= T)
    for _, U in ipairs {A, B, C, D, E, F, G(Number)} do assert(type(T <= U) == "boolean") end
    for _ in T:fields() do end
    for _ in T:variants() do end
    for _ in T:validators() do end
  end
  local deep = {}
  for _ = 1, 1000 do deep = {v = deep} end
  assert(not H(Number):is(deep))
end

-- Defaults that need themselves.
do
  type A<T = A> = {v: T?}
  type B<T = C> = {v: T?}
  type C<T = B> = {v: T?}
  type Uses = {a: A, b: B}
  assert(type(Uses.a) == "type" and Uses:is({a = {}, b = {}}))
end

-- Wide ones.
do
  local source = {"type Wide = {"}
  for i = 1, 2000 do source[#source + 1] = ("f%d: integer,"):format(i) end
  source[#source + 1] = "} return Wide"
  local Wide = load(table.concat(source))()
  local data = {}
  for i = 1, 2000 do data["f" .. i] = i end
  assert(Wide:is(data))
  data.f1999 = "x"
  local _, err = Wide:is(data)
  assert(err:details().path == "f1999")
  local long = ("name"):rep(20)
  local A = load("type A = {" .. long .. ": number} return A")()
  local B = load("type B = {x: string, " .. long .. ": number} return B")()
  assert(A:is({[long] = 1}) and not A:is({[long] = "x"}) and B < A and A == load("type A = {" .. long .. ": number} return A")())
end

-- Chains of aliases, each of which needs the next.
do
  local source = {}
  for i = 1, 3000 do source[i] = ("type T%d = {next: T%d?, n: integer}"):format(i, i + 1) end
  source[#source + 1] = "type T3001 = string return T1, T3000"
  local first, last = load(table.concat(source, "\n"))()
  assert(first:is({n = 1, next = {n = 2}}) and not first:is({n = 1, next = {n = "x"}}) and last:is({n = 1, next = "s"}))
end

-- A long check is paid for, and the process gives way afterwards.
do
  type Numbers = {number}
  local numbers = {}
  for i = 1, 200000 do numbers[i] = i end
  for _ = 1, 20 do assert(Numbers:is(numbers)) end
end
