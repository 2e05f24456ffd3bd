-- Many processes at once: all are spawned and wait, each gets one message, all answer and end. Printed are, for each
-- number of processes, what one costs in each phase, what it takes while it waits, and the resident set before and
-- after, when all are gone.
-- Run: moonlet run benches/scale/main.lua [NUMBER...]; by default 1,000 to 1,000,000. Needs /proc.

local time = require("time")
local HOST = "app:processes"

local numbers = { table.unpack(arg) }
if #numbers == 0 then
  numbers = { 1000, 10000, 100000, 1000000 }
end

-- kilobytes
local function resident()
  local file = assert(io.open("/proc/self/status"))
  local text = file:read("a")
  file:close()
  return math.tointeger(text:match("VmRSS:%s*(%d+)"))
end

-- The runtime gives memory back when it has nothing to do.
local function rest()
  collectgarbage()
  collectgarbage()
  time.sleep("2s")
end

-- nanoseconds of a phase, for each of n processes
local function cost(n, phase)
  local start = time.now()
  phase()
  return time.now():sub(start):nanoseconds() // n
end

local function run(n)
  local inbox, pids = process.inbox(), {}
  local before = resident()
  local spawn = cost(n, function()
    for i = 1, n do
      pids[i] = assert(process.spawn("app.workers:answer_once", HOST))
    end
  end)
  local most = resident()
  local answer = cost(n, function()
    for i = 1, n do
      assert(process.send(pids[i], "question", i))
    end
    local sum = 0
    for _ = 1, n do
      sum = sum + inbox:receive():payload():data()
    end
    assert(sum == n * (n + 1) // 2)
  end)
  return spawn, answer, (most - before) * 1024 // n
end

run(1000)
rest()
local start = resident()
print(string.format("%9s %12s %12s %15s %12s %12s", "processes", "spawn ns", "answer ns", "bytes/process", "before KB", "after KB"))
for _, n in ipairs(numbers) do
  n = assert(math.tointeger(n), "a number of processes")
  local before = resident()
  local spawn, answer, bytes = run(n)
  rest()
  print(string.format("%9d %12d %12d %15d %12d %12d", n, spawn, answer, bytes, before, resident()))
end
print(string.format("resident set: %d KB at the start, %d KB at the end: %.2f times", start, resident(), resident() / start))
