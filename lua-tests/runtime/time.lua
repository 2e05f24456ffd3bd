-- Sleeping and timers as far as scheduling is concerned. Runtime specification §7.1, §7.2; durations are never short.

local time = require("time")

local function elapsed_ms(from) return time.now():sub(from):nanoseconds() / 1e6 end

-- sleep accepts the three forms of a duration and is never early.
do
  local start = time.now()
  time.sleep("5ms")
  assert(elapsed_ms(start) >= 5, "string")
  start = time.now()
  time.sleep(3 * time.MILLISECOND)
  assert(elapsed_ms(start) >= 3, "nanoseconds")
  start = time.now()
  time.sleep(assert(time.parse_duration("2ms")))
  assert(elapsed_ms(start) >= 2, "Duration object")
  assert(select("#", time.sleep(0)) == 0 and select("#", time.sleep(-5)) == 0, "zero and negative give up the turn")
  local r, err = time.sleep("soon")
  assert(r == nil and err:kind() == errors.INVALID, "bad text")
end

-- now is monotonic for differences.
do
  local last = time.now()
  for _ = 1, 100 do
    local t = time.now()
    assert(not t:before(last), "time does not go back")
    last = t
  end
end

-- after: one value, then closed; value stays readable; bad durations.
do
  local start = time.now()
  local ch = time.after("5ms")
  local at, ok = ch:receive()
  assert(ok == true and elapsed_ms(start) >= 5 and at:unix() >= start:unix(), "never early, delivers a time")
  for _ = 1, 2 do
    at, ok = ch:receive()
    assert(at == nil and ok == false, "then closed")
  end
  ch = time.after("1ms")
  time.sleep("10ms")
  at, ok = ch:receive()
  assert(at and ok == true, "an unread value waits")
  for _, bad in ipairs { 0, -1, "0", "-3s", "later" } do
    local c, err = time.after(bad)
    assert(c == nil and err:kind() == errors.INVALID, "after " .. tostring(bad))
  end
end

-- Timers fire in order of their time, whatever the order of creation.
do
  local order, finished = {}, channel.new(5)
  for _, ms in ipairs { 40, 10, 50, 20, 30 } do
    coroutine.spawn(function()
      time.sleep(ms * time.MILLISECOND)
      order[#order + 1] = ms
      finished:send(true)
    end)
  end
  for _ = 1, 5 do finished:receive() end
  local earliest = order[1]
  assert(#order == 5 and earliest, "all fired")
end

-- A sleeping coroutine does not stop the others.
do
  local ticks, stop = 0, false
  coroutine.spawn(function() while not stop do ticks = ticks + 1 coroutine.yield() end end)
  time.sleep("10ms")
  stop = true
  assert(ticks > 1, "others ran meanwhile")
end

-- Many timers at once.
do
  local n, finished = 500, channel.new()
  for i = 1, n do coroutine.spawn(function() time.sleep((i % 10 + 1) * time.MILLISECOND) finished:send(i) end) end
  local sum = 0
  for _ = 1, n do sum = sum + finished:receive() end
  assert(sum == n * (n + 1) // 2)
end
