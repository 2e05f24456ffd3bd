-- Scheduled coroutines. Runtime specification §4.2–4.5, §4.7.

local time = require("time")

-- spawn: a thread; it cannot be resumed by hand.
do
  local done = channel.new()
  local co = coroutine.spawn(function() done:receive() end)
  assert(type(co) == "thread" and coroutine.status(co) == "suspended")
  local ok, message = coroutine.resume(co)
  assert(ok == false and message == "cannot resume scheduled coroutine", tostring(message))
  done:send(1)
  time.sleep("1ms")
  assert(coroutine.status(co) == "dead")
  assert(not pcall(coroutine.spawn) and not pcall(coroutine.spawn, 5) and not pcall(coroutine.spawn, {}))
end

-- running and isyieldable.
do
  local main, is_main = coroutine.running()
  assert(type(main) == "thread" and is_main == true, "the main coroutine")
  local result = channel.new(1)
  local co
  co = coroutine.spawn(function()
    local me, flag = coroutine.running()
    result:send(type(me) == "thread" and me ~= main and flag == false)
  end)
  assert(result:receive() == true)
end

-- Arguments reach the function; results are discarded.
do
  local got = channel.new(1)
  coroutine.spawn(function(...) got:send { n = select("#", ...), ... } return "discarded" end, 1, nil, 3)
  local r = got:receive()
  assert(r.n == 3 and r[1] == 1 and r[3] == 3, "extra arguments are passed on")
end

-- Code between two blocking points is atomic.
do
  local counter, finished = 0, channel.new(10)
  for _ = 1, 10 do
    coroutine.spawn(function()
      for _ = 1, 100 do
        local read = counter
        local busy = 0
        for i = 1, 20 do busy = busy + i end
        counter = read + 1
        if counter % 7 == 0 then coroutine.yield() end
      end
      finished:send(true)
    end)
  end
  for _ = 1, 10 do finished:receive() end
  assert(counter == 1000, "no lost update")
end

-- A top-level yield gives up the turn and returns no values; others run.
do
  local log, finished = {}, channel.new(2)
  for _, name in ipairs { "a", "b" } do
    coroutine.spawn(function()
      for i = 1, 3 do
        log[#log + 1] = name .. i
        assert(select("#", coroutine.yield("dropped")) == 0)
      end
      finished:send(true)
    end)
  end
  finished:receive() finished:receive()
  assert(#log == 6, table.concat(log, " "))
  local a = 0
  for _, entry in ipairs(log) do
    if entry:sub(1, 1) == "a" then a = a + 1 assert(entry == "a" .. a) end
  end
end

-- One waiting coroutine does not delay another.
do
  local blocked = channel.new()
  coroutine.spawn(function() blocked:receive() end)
  local progress, finished = 0, channel.new(1)
  coroutine.spawn(function() for _ = 1, 50 do coroutine.yield() progress = progress + 1 end finished:send(1) end)
  finished:receive()
  assert(progress == 50)
  blocked:close()
end

-- Many coroutines.
do
  local n, sum, finished = 1000, 0, channel.new()
  for i = 1, n do
    coroutine.spawn(function() time.sleep("1ms") sum = sum + i finished:send(true) end)
  end
  for _ = 1, n do finished:receive() end
  assert(sum == n * (n + 1) // 2)
end

-- Plain coroutines still work as in Lua, also inside scheduled ones.
do
  local result = channel.new(1)
  coroutine.spawn(function()
    local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
    local s = 0
    for v in gen do s = s + v end
    local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return a + b end)
    local _, x = coroutine.resume(co, 1)
    local _, y = coroutine.resume(co, 10)
    result:send(s + x + y)
  end)
  assert(result:receive() == 6 + 2 + 11)
end

-- Main returning ends the process: coroutines are dropped silently.
do
  local events = process.events()
  local pid = assert(process.spawn_monitored(function()
    coroutine.spawn(function() time.sleep("1h") error("never") end)
    coroutine.spawn(function() while true do coroutine.yield() end end)
    return "main is done"
  end, "app:processes"))
  local guard = time.after("20s")
  local r = channel.select { events:case_receive(), guard:case_receive() }
  assert(r.channel == events and r.value.from == pid and r.value.result.value == "main is done")
end
