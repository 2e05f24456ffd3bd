-- Channels handed to other processes. Runtime specification §3.6.

local time = require("time")
local HOST = "app:processes"
local WORKER = "app.support.shared_channels_workers:"

local function receive(ch, what)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived: " .. tostring(what))
  return r.value, r.ok
end
local function spawn(name, ...) return assert(process.spawn(WORKER .. name, HOST, ...)) end

-- A worker pool over two channels.
do
  local jobs, results = channel.new(2), channel.new(2)
  local workers, n = 3, 60
  for _ = 1, workers do spawn("worker", jobs, results) end
  coroutine.spawn(function()
    for i = 1, n do jobs:send { id = i, n = i } end
    jobs:close()
  end)
  local seen, count, finished = {}, 0, 0
  while finished < workers do
    local r = receive(results, "result")
    if r.done then
      finished = finished + 1
    else
      assert(not seen[r.id] and r.square == r.id * r.id, "each job once")
      seen[r.id], count = true, count + 1
    end
  end
  assert(count == n)
end

-- One sender's values arrive in order, unbuffered and buffered; several senders keep their own order.
do
  for _, capacity in ipairs { 0, 1, 7 } do
    local ch = channel.new(capacity)
    spawn("produce", ch, 1, 100)
    for i = 1, 100 do assert(receive(ch) == i, "order with capacity " .. capacity) end
    spawn("produce", ch, 1, 50)
    spawn("produce", ch, 1001, 1050)
    local low, high = 0, 1000
    for _ = 1, 100 do
      local v = receive(ch)
      if v > 1000 then assert(v == high + 1) high = v else assert(v == low + 1) low = v end
    end
    assert(low == 50 and high == 1050)
  end
end

-- Identity: the same channel is the same value, however often it arrives.
do
  local ch, back = channel.new(), channel.new()
  spawn("same", ch, ch, { ch, ch }, back)
  assert(receive(back, "identity") == true)
end

-- Through a message instead of an argument, and through another channel.
do
  local ch, carrier = channel.new(1), channel.new(1)
  local me = process.pid()
  process.spawn(function(carrier) local inner = carrier:receive() inner:send("via channel") end, HOST, carrier)
  carrier:send(ch)
  assert(receive(ch) == "via channel")
  process.spawn(function(parent)
    local c = channel.new(1)
    process.send(parent, "channel", c)
    c:send("made by the child")
  end, HOST, me)
  local topic = process.listen("channel")
  local from_child = receive(topic, "channel by message")
  assert(receive(from_child) == "made by the child")
  process.unlisten(topic)
end

-- Once shared, values are copied, even between coroutines of one process.
do
  local ch = channel.new(2)
  local before = { n = 1 }
  ch:send(before)
  local probe = channel.new(1)
  spawn("produce", probe, 1, 1)
  process.spawn(function() end, HOST, ch)
  receive(probe)
  local got = receive(ch)
  assert(got ~= before and got.n == 1, "buffered values are converted")
  local t = { n = 1 }
  ch:send(t)
  t.n = 2
  got = receive(ch)
  assert(got ~= t and got.n == 1, "copied at the send")
  local fn = coroutine.create(print)
  ch:send(fn)
  local v, ok = receive(ch)
  assert(v == nil and ok == true, "what cannot travel is nil")
end

-- Values of waiting senders are converted in place when their channel becomes shared.
do
  local ch, t = channel.new(), { n = 1 }
  local sent
  coroutine.spawn(function() sent = ch:send(t) end)
  local back = channel.new(1)
  process.spawn(function(ch, back) back:send(ch:receive().n) end, HOST, ch, back)
  assert(receive(back) == 1)
  time.sleep("1ms")
  assert(sent == true, "the waiting sender was woken")
end

-- Select on both sides, mixing local and shared channels; close as a signal.
do
  local requests, stop, replies = channel.new(), channel.new(), channel.new()
  local local_only = channel.new(1)
  spawn("selects", requests, stop, replies)
  for i = 1, 50 do
    local r = channel.select { local_only:case_receive(), requests:case_send(i) }
    assert(r.channel == requests and r.value == i and r.ok == true)
    r = channel.select { local_only:case_receive(), replies:case_receive() }
    assert(r.channel == replies and r.value == i * 2)
  end
  local_only:send("mine")
  local r = channel.select { local_only:case_receive(), replies:case_receive() }
  assert(r.channel == local_only and r.value == "mine")
  stop:close()
  assert(receive(replies) == "stopped false", "close is seen by the other process")
end

-- A select fires once even when several processes race for its cases.
do
  local a, b, done = channel.new(), channel.new(), channel.new()
  local n = 100
  for _, ch in ipairs { a, b } do
    process.spawn(function(ch, done, n) for i = 1, n do ch:send(i) end done:send(true) end, HOST, ch, done, n)
  end
  local counts = { [a] = 0, [b] = 0 }
  for _ = 1, 2 * n do
    local guard = time.after("20s")
    local r = channel.select { a:case_receive(), b:case_receive(), guard:case_receive() }
    assert(r.channel ~= guard, "hanging")
    counts[r.channel] = counts[r.channel] + 1
    assert(r.value == counts[r.channel], "no value is lost or doubled")
  end
  receive(done) receive(done)
end

-- Competing receivers share the values; close reaches all of them.
do
  local ch, report = channel.new(), channel.new(4)
  for id = 1, 4 do spawn("competes", ch, report, id) end
  for i = 1, 200 do ch:send(i) end
  ch:close()
  local total = 0
  for _ = 1, 4 do total = total + receive(report).n end
  assert(total == 200, "each value reached one receiver: " .. total)
end

-- Closing with a sender blocked in another process.
do
  local ch, report = channel.new(), channel.new(1)
  spawn("blocks_in_send", ch, report)
  -- The sender announces nothing when it blocks: it either waits already (nil, err) or meets the closed channel (raises).
  time.sleep("20ms")
  ch:close()
  assert(receive(report).message == "send on closed channel")
end

-- A process that ends drops its waiters but not the channel; buffered values survive.
do
  local ch, ready = channel.new(2), channel.new()
  local events = process.events()
  local pid = assert(process.spawn_monitored(WORKER .. "abandons", HOST, ch, ready))
  receive(ready)
  while receive(events).from ~= pid do end
  ch:send("for us")
  assert(receive(ch) == "for us", "dead waiters take nothing")
  pid = assert(process.spawn_monitored(WORKER .. "fills", HOST, ch))
  while receive(events).from ~= pid do end
  assert(receive(ch) == "kept 1" and receive(ch) == "kept 2", "buffered values outlive their sender")
  assert(ch:send(1) == true, "the channel is still open")
end

-- Channels in channels, deeper than any stack: they are shared, received and dropped one after the other.
do
  local depth = 20000
  local function nested()
    local ch = channel.new(1)
    for _ = 1, depth do
      local outer = channel.new(1)
      outer:send(ch)
      ch = outer
    end
    return ch
  end
  local found = process.exec(function(ch)
    local n = 0
    while true do
      local r = channel.select { ch:case_receive(), default = true }
      if r.default then return n end
      ch, n = r.value, n + 1
    end
  end, HOST, nested())
  assert(found == depth, found)
  assert(process.exec(function() return "dropped" end, HOST, nested()) == "dropped")
  local waits = nested()
  local out = channel.new()
  coroutine.spawn(function() out:send(waits) end)
  assert(process.exec(function(out) return type(out:receive()) end, HOST, out) == "userdata", "a sender waits with one")
end

-- A select that ends because one of its channels is closed leaves the others alone, local or shared.
do
  local here, there, more = channel.new(), channel.new(), channel.new(1)
  process.exec(function() end, HOST, there, more)
  more:send("full")
  for _, closes in ipairs { channel.new(), there } do
    local result
    coroutine.spawn(function()
      result = table.pack(channel.select { closes:case_send(1), here:case_receive(), more:case_send("late") })
    end)
    coroutine.yield()
    closes:close()
    while not result do time.sleep("1ms") end
    assert(result[1] == nil and result[2]:message() == "send on closed channel", "a blocked send case is closed")
  end
  assert(channel.select { here:case_send(1), default = true }.default, "nobody waits here any more")
  assert(more:receive() == "full" and channel.select { more:case_receive(), default = true }.default, "nor there")
end
