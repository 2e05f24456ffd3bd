-- A process that never blocks must not stop others. Runtime specification §10.5.

local time = require("time")
local HOST = "app:processes"
local me = process.pid()

local function receive(ch, what)
  local guard = time.after("30s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "starved: " .. what)
  return r.value
end

-- More spinners than any machine has workers; ordinary processes go on.
do
  local spinners = {}
  local loops = {
    function() while true do end end,
    function() repeat until false end,
    function() ::top:: goto top end,
    function() for i = 1, math.huge do end end,
    function() local function f(n) return f(n + 1) end return f(0) end,
    function() for _ in function() return true end do end end,
    function() while true do pcall(error) end end,
    function() local co = coroutine.wrap(function() while true do end end) co() end,
    function() local t = setmetatable({}, { __index = function(t, k) return k end }) while true do local _ = t.x end end,
    function() while true do local _ = ("x"):rep(100):gsub("x", "y") end end,
    function() while true do table.sort({ 3, 1, 2 }, function(a, b) return a < b end) end end,
    function() table.sort({ 3, 1, 2 }, function() while true do end end) end,
  }
  for round = 1, 4 do
    for _, loop in ipairs(loops) do spinners[#spinners + 1] = assert(process.spawn_monitored(loop, HOST)) end
  end
  local reply = process.listen("reply")
  for i = 1, 20 do
    assert(process.spawn(function(parent, i) process.send(parent, "reply", i) end, HOST, me, i))
  end
  local sum = 0
  for _ = 1, 20 do sum = sum + receive(reply, "reply under load") end
  assert(sum == 210)
  local start = time.now()
  time.sleep("5ms")
  assert(time.now():sub(start):nanoseconds() >= 5000000, "timers work under load")
  local events = process.events()
  for _, pid in ipairs(spinners) do assert(process.terminate(pid)) end
  local gone = 0
  while gone < #spinners do
    local event = receive(events, "end of a spinner")
    assert(event.result.error:message() == "process terminated", event.result.error:message())
    gone = gone + 1
  end
end

-- Preemption does not break atomicity between the coroutines of one process.
do
  local result = process.listen("result")
  assert(process.spawn(function(parent)
    local shared, finished = 0, channel.new(3)
    for _ = 1, 3 do
      coroutine.spawn(function()
        for _ = 1, 5 do
          local before = shared
          for i = 1, 100000 do shared = shared + 1 end
          assert(shared == before + 100000, "another coroutine ran in the middle")
          coroutine.yield()
        end
        finished:send(true)
      end)
    end
    for _ = 1, 3 do finished:receive() end
    process.send(parent, "result", shared)
  end, HOST, me))
  assert(receive(result, "atomic sums") == 1500000)
end
