-- Value transfer between processes. Runtime specification §1.6, every row.

local time = require("time")
local HOST = "app:processes"
local WORKER = "app.support.transfer_workers:"
local me = process.pid()
local echo = assert(process.spawn(WORKER .. "echo", HOST))
local replies = process.listen("echo")

local function receive(ch, what)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived: " .. tostring(what))
  return r.value
end
local function round_trip(v)
  assert(process.send(echo, "value", v))
  return receive(replies, "echo")
end

-- Scalars keep type and subtype.
do
  for _, v in ipairs { true, false, 0, -1, math.maxinteger, math.mininteger, 0.5, 1.0, -0.0, 1e308, math.huge, -math.huge, "",
    "text", "a\0b\255", ("long"):rep(5000) } do
    local r = round_trip(v)
    assert(r == v and math.type(r) == math.type(v) and type(r) == type(v), "scalar " .. tostring(v):sub(1, 20))
  end
  assert(round_trip(nil) == nil and 1 / round_trip(-0.0) == -math.huge, "nil and negative zero")
  local nan = round_trip(0 / 0)
  assert(nan ~= nan, "NaN")
end

-- Tables: deep copies, keys too, no metamethods run.
do
  local t = { 1, 2, 3, x = "y", [1.5] = "float", [true] = "bool", nested = { deep = { 1 } } }
  local r = round_trip(t)
  assert(r ~= t and #r == 3 and r[3] == 3 and r.x == "y" and r[1.5] == "float" and r[true] == "bool" and r.nested.deep[1] == 1)
  local key = { "key" }
  r = round_trip { [key] = "value" }
  local k, v = next(r)
  assert(k ~= key and k[1] == "key" and v == "value" and next(r, k) == nil, "table keys are copied")
  local big = {}
  for i = 1, 2000 do big[i] = i big["k" .. i] = i end
  r = round_trip(big)
  for i = 1, 2000 do assert(r[i] == i and r["k" .. i] == i) end
  assert(next(round_trip {}) == nil, "empty table")
end

-- The copy is taken when the message is sent.
do
  local t = { n = 1 }
  process.send(me, "snapshot", t)
  t.n = 2
  local ch = process.listen("snapshot")
  local r = receive(ch)
  assert(r.n == 1 and r ~= t, "later changes are invisible, even for messages to oneself")
  process.unlisten(ch)
end

-- Cycles and shared references.
do
  local t = { name = "root" }
  t.self, t.list = t, { t, { t } }
  local r = round_trip(t)
  assert(r.self == r and r.list[1] == r and r.list[2][1] == r and r.name == "root", "cycles")
  local shared = { 1 }
  r = round_trip { a = shared, b = shared, c = { shared } }
  assert(r.a == r.b and r.c[1] == r.a and r.a ~= shared, "shared references stay shared")
  local a, b = {}, {}
  a.b, b.a = b, a
  r = round_trip(a)
  assert(r.b.a == r)
  t = {}
  t[t] = t
  r = round_trip(t)
  assert(r[r] == r, "a table that is its own key")
end

-- Random graphs arrive with the same shape, however their tables came to be.
do
  local NAMES = { "id", "name", "tags", "next", "first", "second", "x", "y", "z" }
  local function graph(size)
    local tables = {}
    for i = 1, size do tables[i] = math.random(2) == 1 and {} or { id = i, name = "t" .. i, tags = { i, i + 1 } } end
    local function value()
      local kind = math.random(8)
      if kind <= 3 then return tables[math.random(size)] end
      if kind == 4 then return NAMES[math.random(#NAMES)] end
      if kind == 5 then return "made " .. math.random(100) end
      if kind == 6 then return math.random() end
      if kind == 7 then return math.random(2) == 1 end
      return math.random(-5, 1000)
    end
    for _, t in ipairs(tables) do
      for _ = 1, math.random(0, 8) do t[#t + 1] = value() end
      for _ = 1, math.random(0, 6) do t[NAMES[math.random(#NAMES)]] = value() end
      local key = value()
      if type(key) ~= "table" then t[key] = value() end
      if math.random(4) == 1 then t.id, t[#t] = nil, nil end
    end
    return tables
  end
  -- Whether two values are alike: what is one table in one graph is one in the other.
  local function same(a, b, known)
    if type(a) ~= "table" then return rawequal(a, b) and math.type(a) == math.type(b) end
    if known[a] or known[b] then return known[a] == b and known[b] == a end
    known[a], known[b] = b, a
    local count = 0
    for k, v in next, a do
      count = count + 1
      if not same(v, b[k], known) then return false end
    end
    for _ in next, b do count = count - 1 end
    return count == 0
  end
  for round = 1, 300 do
    local sent = graph(math.random(12))
    assert(same(sent, round_trip(sent), {}), "graph " .. round)
  end
end

-- What several arguments share stays shared; a copy of a frozen table can be changed.
do
  local t = {}
  assert(process.exec(function(a, b, c) return a == b and c[1] == a end, HOST, t, t, { t }))
  local frozen = table.freeze { 1, x = 2 }
  assert(table.isfrozen(frozen))
  assert(process.exec(function(f) f[1], f.y = 5, 7 return f[1] + f.x + f.y end, HOST, frozen) == 14)
end

-- Metatables travel.
do
  local Point = {}
  Point.__index = Point
  function Point.new(x, y) return setmetatable({ x = x, y = y }, Point) end
  function Point:sum() return self.x + self.y end
  Point.__add = function(p, q) return Point.new(p.x + q.x, p.y + q.y) end
  local r = round_trip(Point.new(1, 2))
  assert(r:sum() == 3 and (r + r):sum() == 6, "methods and operators arrive")
  local pair = round_trip { Point.new(1, 1), Point.new(2, 2) }
  assert(getmetatable(pair[1]) == getmetatable(pair[2]), "one metatable for both")
  local touched = 0
  local t = setmetatable({ 1, 2 }, {
    __index = function() touched = touched + 1 end, __pairs = function() touched = touched + 1 return next, {} end,
    __len = function() touched = touched + 1 return 0 end,
  })
  r = round_trip(t)
  assert(touched == 0 and rawget(r, 2) == 2, "copying runs no metamethod")
  local weak = round_trip(setmetatable({ {} }, { __mode = "v" }))
  assert(getmetatable(weak).__mode == "v")
  -- Finalizers too, whatever else is in the metatable, and whether that is met before the object or after it.
  for _, name in ipairs { "__name", "made " .. math.random(100) } do
    for _, first in ipairs { "object", "metatable" } do
      local meta = { __gc = function(t) collected = t.id end, [name] = true }
      local object = setmetatable({ id = first .. " first" }, meta)
      local copy = round_trip(first == "object" and { object, meta } or { meta, object })
      collected, copy = nil, nil
      collectgarbage()
      assert(collected == first .. " first", "a finalizer beside " .. name)
      setmetatable(object, nil)
    end
  end
  collected = nil
end

-- Functions: code, upvalues, sharing, globals of the receiver.
do
  local n = 10
  local f = round_trip(function(x) return x + n end)
  assert(f(5) == 15, "upvalues arrive")
  n = 100
  assert(f(5) == 15, "as copies")
  local function make()
    local c = 0
    return { inc = function() c = c + 1 end, get = function() return c end }
  end
  local counter = make()
  counter.inc()
  local copy = round_trip(counter)
  copy.inc() copy.inc()
  assert(copy.get() == 3 and counter.get() == 1, "closures of one transfer share their upvalues, not with the original")
  local function fact(k) return k <= 1 and 1 or k * fact(k - 1) end
  assert(round_trip(fact)(10) == 3628800, "recursive local function")
  where_am_i = "parent"
  local bumped = process.listen("bumped")
  assert(process.spawn(WORKER .. "bump", HOST, me, counter))
  local r = receive(bumped)
  assert(r[1] == 3 and r[2] == true and counter.get() == 1, "the receiver's globals are its own")
  local reads_global = round_trip(function() return where_am_i end)
  assert(reads_global() == "parent", "back home the globals are ours")
  where_am_i = nil
  assert(round_trip(print) == print and round_trip(string.format) == string.format, "built-in functions keep identity")
  process.unlisten(bumped)
end

-- What does not travel arrives as nil.
do
  assert(round_trip(coroutine.create(function() end)) == nil, "coroutines")
  assert(round_trip(process.inbox()) == nil and round_trip(process.events()) == nil, "inbox and events")
  assert(round_trip(replies) == nil and round_trip(time.after("1h")) == nil, "listeners and timers")
  local r = round_trip { process.inbox(), 2, co = coroutine.create(print), x = 1 }
  assert(r[1] == nil and r[2] == 2 and r.co == nil and r.x == 1, "pairs that became nil are absent")
  r = round_trip { [coroutine.create(print)] = 1, ok = true }
  local k = next(r)
  assert(k == "ok" and next(r, k) == nil, "keys as well")
end

-- Channels arrive as handles to the same channel.
do
  local ch = channel.new(1)
  local r = round_trip { ch, ch, nested = { ch } }
  assert(r[1] == ch and r[2] == ch and r.nested[1] == ch, "the same value comes home")
  ch:send("through")
  assert(r[1]:receive() == "through")
end

-- Error objects.
do
  local e = errors.new { message = "m", kind = errors.TIMEOUT, retryable = true, details = { a = 1, list = { 1, 2 } } }
  local r = round_trip(e)
  assert(r:message() == "m" and r:kind() == errors.TIMEOUT and r:retryable() == true, "fields")
  assert(r:details().a == 1 and r:details().list[2] == 2 and tostring(r) == "m", "details and text")
  r = round_trip { err = e }
  assert(errors.is(r.err, errors.TIMEOUT), "inside a table")
end

-- Depth without recursion.
do
  local deep = {}
  for _ = 1, 100000 do deep = { deep } end
  local r, n = round_trip(deep), 0
  while r[1] do r = r[1] n = n + 1 end
  assert(n == 100000, "depth " .. n)
  local list
  for i = 1, 20000 do list = { value = i, next = list } end
  r = round_trip(list)
  for i = 20000, 1, -1 do assert(r.value == i) r = r.next end
  assert(r == nil, "linked list")
end

-- Results of processes are transferred by the same rules.
do
  local events = process.events()
  local shared = { 1 }
  local pid = assert(process.spawn_monitored(WORKER .. "returns_argument", HOST, { a = shared, b = shared, f = function() return "f" end }))
  local event = receive(events)
  while event.from ~= pid do event = receive(events) end
  local v = event.result.value
  assert(v.a == v.b and v.a ~= shared and v.f() == "f", "spawn arguments and results")
end

process.send(echo, "stop")
