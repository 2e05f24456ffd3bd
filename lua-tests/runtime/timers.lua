-- Timers and tickers. Runtime specification §7.2.

local guard = require("support.guard")
local receive, refused, raises = guard.receive, guard.refused, guard.raises
local time = require("time")

local function closed(ch)
  local v, ok = ch:receive()
  return v == nil and ok == false
end

-- after: one Time, then closed; a consumed one is ready at once
do
  local ch, err = time.after("1ms")
  assert(err == nil and receive(ch, "after"):unix() > 0 and closed(ch) and closed(ch))
  local r = channel.select { channel.new():case_receive(), ch:case_receive() }
  assert(r.channel == ch and r.ok == false)
  for _, wrong in ipairs { 0, -1, "0s", "-1s", "soon", {}, true } do
    refused(errors.INVALID, "duration", time.after(wrong))
    refused(errors.INVALID, "duration", time.timer(wrong))
    refused(errors.INVALID, "duration", time.ticker(wrong))
  end
  refused(errors.INVALID, "duration", time.after())
end

-- sleep
do
  assert(select("#", time.sleep(1)) == 0 and select("#", time.sleep(0)) == 0 and select("#", time.sleep(-5)) == 0)
  refused(errors.INVALID, "duration", time.sleep("soon"))
  refused(errors.INVALID, "duration", time.sleep())
end

-- timer: channel and response are one channel; stop before and after it fired
do
  local timer = time.timer("1ms")
  assert(timer:channel() == timer:response() and timer:channel() == timer:channel())
  assert(receive(timer:channel(), "timer") and closed(timer:channel()))
  assert(timer:stop() == false and timer:reset("1ms") == false, "a fired timer cannot be revived")
  timer = time.timer("1h")
  assert(timer:stop() == true and timer:stop() == false and closed(timer:channel()) and timer:reset("1ms") == false)
  raises("invalid duration", timer.reset, timer, "soon")
  raises("invalid duration", timer.reset, timer, 0)
  raises("invalid duration", timer.reset, timer)
  raises("bad argument", timer.stop, {})
end

-- stop wakes who waits
do
  local timer, out = time.timer("1h"), channel.new(1)
  coroutine.spawn(function() out:send(closed(timer:channel())) end)
  timer:stop()
  assert(receive(out, "woken") == true)
end

-- reset: re-armed, and nothing of the earlier arming arrives
do
  for _ = 1, 50 do
    local timer = time.timer("1ms")
    local start = time.now()
    if timer:reset("4ms") then
      assert(receive(timer:channel(), "reset"):sub(start):milliseconds() >= 4, "not early")
      assert(closed(timer:channel()))
    end
  end
  local timer = time.timer("1h")
  assert(timer:reset("1ms") and receive(timer:channel(), "earlier"))
end

-- ticker: a Time per period, 16 unread at most, stop is always true
do
  local ticker = time.ticker("1ms")
  assert(ticker:channel() == ticker:response())
  local start, last = time.now(), nil
  for i = 1, 20 do
    local at = receive(ticker:channel(), "tick")
    assert(not last or not at:before(last))
    last = at
  end
  assert(last:sub(start):milliseconds() >= 19, "ticks are not early")
  assert(ticker:stop() == true and ticker:stop() == true)
  assert(ticker.reset == nil)
  raises("bad argument", ticker.stop)
  -- However long nobody reads, 16 are kept; a machine that is busy may need a while for them.
  local wait, unread = 30 * time.MILLISECOND, 0
  repeat
    ticker, unread, wait = time.ticker("1ms"), 0, 2 * wait
    time.sleep(wait)
    ticker:stop()
    for _ in function() return (ticker:channel():receive()) end do unread = unread + 1 end
    assert(unread <= 16, "the others are dropped: " .. unread)
  until unread == 16 or wait > 20 * time.SECOND
  assert(unread == 16)
  assert(closed(ticker:channel()))
end

-- Several kinds in one select; pending timers keep a process waiting.
do
  local a, b = time.timer("30s"), time.after("1ms")
  local r = channel.select { a:channel():case_receive(), b:case_receive() }
  assert(r.channel == b)
  a:stop()
  local done = channel.new()
  coroutine.spawn(function() done:send(receive(time.after("2ms"), "inner")) end)
  assert(done:receive())
end
