-- Blocking operations work in every place Lua code can run. Runtime specification §4.1.

local time = require("time")

-- An unbuffered channel served by another coroutine: every receive really blocks.
local numbers = channel.new()
coroutine.spawn(function() local n = 0 while true do n = n + 1 numbers:send(n) end end)
local expected = 0
local function next_number()
  local n = numbers:receive()
  expected = expected + 1
  assert(n == expected, "values in order")
  return n
end

-- Plain coroutines: the resumer notices nothing.
do
  local co = coroutine.create(function()
    next_number()
    coroutine.yield("between")
    next_number()
    time.sleep("1ms")
    return "end"
  end)
  local ok, v = coroutine.resume(co)
  assert(ok and v == "between" and coroutine.status(co) == "suspended")
  ok, v = coroutine.resume(co)
  assert(ok and v == "end" and coroutine.status(co) == "dead")
  local nested = coroutine.wrap(function()
    local inner = coroutine.wrap(function() for _ = 1, 3 do coroutine.yield(next_number()) end end)
    for v in inner do coroutine.yield(v) next_number() end
    return "nested end"
  end)
  local count = 0
  while nested() ~= "nested end" do count = count + 1 end
  assert(count == 3)
end

-- Select, send and sleep inside plain coroutines.
do
  local out = channel.new()
  local sum, done = 0, channel.new()
  coroutine.spawn(function() for _ = 1, 3 do sum = sum + out:receive() end done:close() end)
  local co = coroutine.wrap(function()
    for i = 1, 3 do
      local r = channel.select { out:case_send(i) }
      assert(r.ok)
      coroutine.yield(i)
    end
  end)
  assert(co() == 1 and co() == 2 and co() == 3)
  done:receive()
  assert(sum == 6)
end

-- Protected calls.
do
  local ok, v = pcall(next_number)
  assert(ok and v == expected)
  ok, v = pcall(function() next_number() error("after blocking", 0) end)
  assert(not ok and v == "after blocking")
  ok, v = xpcall(function() next_number() error("e", 0) end, function(m) return m .. next_number() end)
  assert(not ok and v == "e" .. expected, "even in a message handler")
  ok, v = pcall(pcall, pcall, next_number)
  assert(ok and v == true)
  local ch = channel.new()
  ch:close()
  ok, v = pcall(ch.send, ch, 1)
  assert(not ok and v:find("send on closed channel"))
end

-- Metamethods.
do
  local mt = {}
  for _, event in ipairs { "add", "sub", "concat", "index", "call", "unm", "len", "eq", "lt", "le", "bor", "idiv" } do
    mt["__" .. event] = function() return next_number() end
  end
  mt.__newindex = function(t, k, v) next_number() rawset(t, k, v) end
  mt.__tostring = function() return "n" .. next_number() end
  mt.__pairs = function(t) next_number() return next, { k = "v" } end
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  assert(a + 1 == expected and 1 - a == expected and a .. "x" == expected and a.key == expected and a(1) == expected)
  assert(-a == expected and #a == expected and (a | 1) == expected and a // 2 == expected)
  assert((a == b) == true and (a < b) == true and (a <= b) == true)
  a.fresh = 5
  assert(rawget(a, "fresh") == 5)
  assert(tostring(a) == "n" .. expected, "tostring")
  assert(string.format("%s", a) == "n" .. expected, "format")
  for k, v in pairs(a) do assert(k == "k" and v == "v") end
end

-- Iterators of generic for.
do
  local function upto(n) return function(limit, i) next_number() if i < limit then return i + 1 end end, n, 0 end
  local sum = 0
  for i in upto(5) do sum = sum + i end
  assert(sum == 15)
end

-- sort comparators and gsub callbacks: they work, or say clearly that they cannot.
do
  local function works_or_refuses(what, f, ...)
    local ok, result = pcall(f, ...)
    assert(ok or tostring(result):find("attempt to yield across"), what .. ": " .. tostring(result))
    return ok, result
  end
  local t = { 5, 3, 8, 1, 9, 2 }
  local ok = works_or_refuses("sort", table.sort, t, function(a, b) next_number() return a < b end)
  if ok then assert(table.concat(t) == "123589", "sorted while blocking") end
  local ok2, s = works_or_refuses("gsub", string.gsub, "abc", "%a", function(c) next_number() return c:upper() end)
  if ok2 then assert(s == "ABC") end
  next_number()
  -- A coroutine.yield of plain Lua is still refused there.
  local co = coroutine.wrap(function() table.sort({ 2, 1 }, function() coroutine.yield() end) end)
  local yielded, message = pcall(co)
  assert(not yielded and message:find("attempt to yield across a C%-call boundary"), message)
end

-- What the library calls: readers of load, loaders of require, elements behind metamethods, finalizers.
do
  local pieces = { "return ", "1 + ", "2" }
  local f = load(function() next_number() return table.remove(pieces, 1) end)
  assert(f() == 3, "a reader of load")
  package.preload.blocks = function(name) next_number() return name .. " loaded" end
  assert(require("blocks") == "blocks loaded" and require("blocks") == "blocks loaded")
  local lazy = setmetatable({}, {
    __index = function(_, i) next_number() if i <= 3 then return "v" .. i end end,
    __len = function() next_number() return 3 end,
  })
  assert(table.concat(lazy, ",") == "v1,v2,v3" and select("#", table.unpack(lazy)) == 3 and select(3, table.unpack(lazy)) == "v3")
  local count = 0
  for i, v in ipairs(lazy) do count = count + i assert(v == "v" .. i) end
  assert(count == 6)
  local finalized
  do setmetatable({}, { __gc = function() finalized = next_number() end }) end
  while not finalized do collectgarbage() end
  local lines = 0
  debug.sethook(function() lines = lines + 1 end, "l")
  next_number()
  next_number()
  debug.sethook()
  assert(lines >= 2, "with a hook")
end

-- Deep recursion with a block at the bottom.
do
  local function deep(n) if n == 0 then return next_number() end return (deep(n - 1)) end
  assert(deep(2000) == expected)
end

-- Locals, varargs and multiple results survive a block.
do
  local function f(...)
    local a, b = next_number(), next_number()
    local t = { next_number(), ..., next_number() }
    return select("#", ...), b - a, #t, ...
  end
  local n, d, len, x, y = f("x", "y")
  assert(n == 2 and d == 1 and len == 3 and x == "x" and y == "y")
end
