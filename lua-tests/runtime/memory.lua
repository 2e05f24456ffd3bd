-- The memory of processes goes back to the system when they are gone. Runtime specification §1.1.

local guard = require("support.guard")
local time = require("time")

-- kilobytes, where the system tells
local function resident()
  local file = io.open("/proc/self/status")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text and math.tointeger(text:match("VmRSS:%s*(%d+)"))
end

if not resident() then
  return
end

-- As many processes at once, which have all answered a message when it returns what they took.
local function burst(n)
  local inbox, pids, before = process.inbox(), {}, resident()
  for i = 1, n do
    pids[i] = assert(process.spawn(function()
      local message = process.inbox():receive()
      process.send(message:from(), "answer", { n = message:payload():data() })
    end, guard.HOST))
  end
  local most = resident()
  local sum = 0
  for i = 1, n do
    process.send(pids[i], "question", i)
  end
  for _ = 1, n do
    sum = sum + inbox:receive():payload():data().n
  end
  assert(sum == n * (n + 1) // 2)
  return most - before
end

burst(100)
collectgarbage()
local start = resident()
local taken = burst(8000)
assert(taken > 8000, "processes take memory: " .. taken .. " KB")
-- It goes back when the workers have nothing else to do.
for round = 1, 600 do
  collectgarbage()
  time.sleep("100ms")
  if resident() - start < taken // 10 then
    return
  end
end
error("of " .. taken .. " KB " .. resident() - start .. " KB are still there")
