-- Channels within one process. Runtime specification §3.1–3.5.

local time = require("time")

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok and tostring(message):find(pattern), ("expected %q, got %s"):format(pattern, tostring(message)))
end
-- Runs a function in its own coroutine and returns a channel that is closed when it is done.
local function go(f)
  local done = channel.new()
  coroutine.spawn(function() f() done:close() end)
  return done
end

-- Construction and types.
do
  local ch = channel.new()
  assert(type(ch) == "userdata" and ch == ch and ch ~= channel.new() and require("channel") == channel)
  assert(channel.new(-5) and channel.new(0) and channel.new(3))
  fails("number expected", channel.new, {})
  fails("bad argument #1", ch.receive, {})
  fails("bad argument #1", ch.send, 5, 1)
  fails("bad argument #1", ch.close)
  local t = { [ch] = "key" }
  assert(t[ch] == "key", "usable as a key")
end

-- Buffered: FIFO without blocking; nil is a value.
do
  local ch = channel.new(4)
  assert(ch:send(1) == true and ch:send(nil) and ch:send(false) and ch:send("x"))
  local v, ok = ch:receive()
  assert(v == 1 and ok == true)
  v, ok = ch:receive()
  assert(v == nil and ok == true, "nil, true")
  v, ok = ch:receive()
  assert(v == false and ok == true)
  assert(ch:receive() == "x")
  local t = {}
  ch:send(t)
  assert(ch:receive() == t, "values pass by reference inside a process")
  for round = 1, 10 do
    for i = 1, 4 do ch:send(round * i) end
    for i = 1, 4 do assert(ch:receive() == round * i) end
  end
  local negative = channel.new(-1)
  assert(channel.select { negative:case_send(1), default = true }.default, "negative capacity is zero")
end

-- Unbuffered: rendezvous in both orders.
do
  local ch = channel.new()
  local log = {}
  local done = go(function() for i = 1, 3 do ch:send(i) log[#log + 1] = "sent" .. i end end)
  for i = 1, 3 do assert(ch:receive() == i) end
  done:receive()
  assert(table.concat(log, " ") == "sent1 sent2 sent3")
  local got
  done = go(function() got = ch:receive() end)
  ch:send("later")
  done:receive()
  assert(got == "later")
  assert(channel.select { ch:case_send(1), default = true }.default, "no receiver: not ready")
  assert(channel.select { ch:case_receive(), default = true }.default, "no sender: not ready")
end

-- Waiting receivers and senders are served in order.
do
  local ch, order = channel.new(), {}
  local all = channel.new(8)
  for i = 1, 4 do coroutine.spawn(function() order[i] = ch:receive() all:send(i) end) end
  for i = 1, 4 do ch:send("v" .. i) end
  for _ = 1, 4 do all:receive() end
  assert(table.concat(order, " ") == "v1 v2 v3 v4", table.concat(order, " "))
  for i = 1, 4 do coroutine.spawn(function() ch:send("s" .. i) all:send(i) end) end
  for i = 1, 4 do assert(ch:receive() == "s" .. i) end
  for _ = 1, 4 do all:receive() end
end

-- A full buffer: a receive takes the oldest value and moves the oldest waiting sender's value in.
do
  local ch = channel.new(2)
  ch:send(1) ch:send(2)
  local done = go(function() ch:send(3) end)
  local done2 = go(function() ch:send(4) end)
  assert(ch:receive() == 1 and ch:receive() == 2 and ch:receive() == 3 and ch:receive() == 4)
  done:receive() done2:receive()
end

-- Closing: each row of the table.
do
  local ch = channel.new(2)
  ch:send("a") ch:send("b")
  assert(select("#", ch:close()) == 0 and select("#", ch:close()) == 0, "close returns nothing, twice is a no-op")
  fails("channels%.lua:%d+: send on closed channel", function() ch:send("c") end)
  local v, ok = ch:receive()
  assert(v == "a" and ok == true)
  v, ok = ch:receive()
  assert(v == "b" and ok == true, "buffered values survive")
  for _ = 1, 3 do
    v, ok = ch:receive()
    assert(v == nil and ok == false, "then nil, false for ever")
  end

  local blocked, result = channel.new(), nil
  local done = go(function() result = table.pack(blocked:receive()) end)
  blocked:close()
  done:receive()
  assert(result.n == 2 and result[1] == nil and result[2] == false, "blocked receiver")

  blocked = channel.new()
  done = go(function() result = table.pack(blocked:send("lost")) end)
  blocked:close()
  done:receive()
  assert(result[1] == nil and result[2]:message() == "send on closed channel" and result[2]:kind() == "", "blocked sender")

  local other = channel.new()
  blocked = channel.new()
  done = go(function() result = channel.select { other:case_receive(), blocked:case_receive() } end)
  blocked:close()
  done:receive()
  assert(result.channel == blocked and result.value == nil and result.ok == false, "blocked select, receive case")

  blocked = channel.new()
  done = go(function() result = table.pack(channel.select { other:case_receive(), blocked:case_send(1) }) end)
  blocked:close()
  done:receive()
  assert(result[1] == nil and result[2]:message() == "send on closed channel", "blocked select, send case")

  local drained = channel.new(1)
  drained:send("last")
  drained:close()
  local r = channel.select { drained:case_receive(), default = true }
  assert(r.channel == drained and r.value == "last" and r.ok == true, "drain first")
  r = channel.select { drained:case_receive(), default = true }
  assert(r.channel == drained and r.value == nil and r.ok == false and not r.default, "closed beats default")
  r = channel.select { drained:case_send(1), default = true }
  assert(r.default == true and r.channel == nil, "a closed send case is never ready")
  fails("send on closed channel", channel.select, { drained:case_send(1), drained:case_send(2) })
  local open = channel.new(1)
  open:send("x")
  r = channel.select { drained:case_send(1), open:case_receive() }
  assert(r.channel == open and r.value == "x", "other cases go on")
end

-- Select: results, index order, default forms, ignored elements, reuse of cases.
do
  local a, b = channel.new(4), channel.new(4)
  a:send("a1") b:send("b1") b:send("b2")
  local r = channel.select { b:case_receive(), a:case_receive() }
  assert(r.channel == b and r.value == "b1" and r.ok == true and r.default == nil, "first ready case wins")
  r = channel.select { a:case_receive(), b:case_receive() }
  assert(r.channel == a and r.value == "a1")
  local cases = { a:case_receive(), b:case_receive() }
  assert(channel.select(cases).value == "b2", "the next ready one otherwise")
  r = channel.select(cases, true)
  assert(r.default == true and r.ok == true and r.channel == nil and r.value == nil, "second argument is default")
  r = channel.select { default = true }
  assert(r.default == true, "only a default")
  r = channel.select { a:case_send("sent") }
  assert(r.channel == a and r.value == "sent" and r.ok == true, "send case")
  assert(a:receive() == "sent")
  r = channel.select { "junk", 5, a:case_send("again"), {} }
  assert(r.value == "again", "elements that are no cases are ignored")
  assert(channel.select(cases).value == "again", "case objects are reusable")
  a:send(nil)
  r = channel.select(cases)
  assert(r.channel == a and r.value == nil and r.ok == true, "nil as a received value")
  local send_case = b:case_send({})
  local first, second = channel.select { send_case }.value, channel.select { send_case }.value
  assert(first == second and b:receive() == b:receive())
end

-- A blocked select fires exactly one case and leaves nothing behind.
do
  local a, b, result = channel.new(), channel.new(), nil
  local done = go(function() result = channel.select { a:case_receive(), b:case_receive(), a:case_receive() } end)
  a:send("one")
  done:receive()
  assert(result.channel == a and result.value == "one")
  assert(channel.select { a:case_send(1), default = true }.default, "the duplicate registration vanished")
  assert(channel.select { b:case_send(1), default = true }.default, "so did the other one")
  done = go(function() result = channel.select { a:case_send("x"), b:case_send("y") } end)
  assert(b:receive() == "y")
  done:receive()
  assert(result.channel == b and result.value == "y" and result.ok)
  assert(channel.select { a:case_receive(), default = true }.default, "the other send vanished")
  -- Two selects meet each other.
  done = go(function() result = channel.select { a:case_send("met"), b:case_receive() } end)
  local r = channel.select { b:case_receive(), a:case_receive() }
  done:receive()
  assert(r.value == "met" and result.channel == a, "select against select")
  -- A select does not pair with itself.
  r = channel.select { a:case_send(1), a:case_receive(), default = true }
  assert(r.default == true, "own send and receive do not match")
end

-- Select with timeouts: a consumed timer channel is closed.
do
  local never = channel.new()
  local timer = time.after("5ms")
  local r = channel.select { never:case_receive(), timer:case_receive() }
  assert(r.channel == timer and r.ok == true)
  r = channel.select { timer:case_receive(), never:case_receive() }
  assert(r.channel == timer and r.ok == false, "then closed")
end

-- Producer and consumers, pipeline, close as end-of-stream.
do
  local jobs, results = channel.new(3), channel.new(3)
  local workers = 4
  for _ = 1, workers do
    coroutine.spawn(function()
      while true do
        local n, ok = jobs:receive()
        if not ok then break end
        results:send(n * n)
      end
      results:send(nil)
    end)
  end
  coroutine.spawn(function() for i = 1, 50 do jobs:send(i) end jobs:close() end)
  local sum, finished = 0, 0
  while finished < workers do
    local v = results:receive()
    if v then sum = sum + v else finished = finished + 1 end
  end
  assert(sum == 50 * 51 * 101 // 6, "every job done once")
  -- A sieve of chained filters.
  local source = channel.new()
  coroutine.spawn(function() for i = 2, 60 do source:send(i) end source:close() end)
  local primes, ch = {}, source
  while true do
    local p, ok = ch:receive()
    if not ok then break end
    primes[#primes + 1] = p
    local from, to = ch, channel.new()
    coroutine.spawn(function()
      while true do
        local n, more = from:receive()
        if not more then to:close() return end
        if n % p ~= 0 then to:send(n) end
      end
    end)
    ch = to
  end
  assert(table.concat(primes, " ") == "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59", table.concat(primes, " "))
end
