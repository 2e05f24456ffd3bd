-- A supervisor in a few lines: a monitored worker is started again when it crashes, but not for ever.

local HOST = "app:processes"
local MAX_RESTARTS = 3

-- Answers every job; some jobs are its end.
local function worker(jobs, answers)
  while true do
    local job, more = jobs:receive()
    if not more then return "no more jobs" end
    if job % 3 == 0 then error(("job %d is indigestible"):format(job)) end
    answers:send(job * 10)
  end
end

-- Runs `worker` over jobs 1 to `last`. Returns its result, or nil and why it was given up.
local function supervise(last)
  local jobs, answers, events = channel.new(last), channel.new(last), process.events()
  for job = 1, last do jobs:send(job) end
  jobs:close()

  local restarts = 0
  while true do
    local pid = assert(process.spawn_monitored(worker, HOST, jobs, answers))
    local event = events:receive()
    assert(event.kind == process.event.EXIT and event.from == pid)
    local err = event.result.error
    answers:close()
    local done = {}
    while true do
      local answer, more = answers:receive()
      if not more then break end
      done[#done + 1] = answer
    end
    answers = channel.new(last)
    print("  answers: " .. table.concat(done, " "))
    if not err then return event.result.value end

    print("  crashed: " .. tostring(err):match("^.-:%d+: (.*)$"))
    if restarts == MAX_RESTARTS then return nil, ("given up after %d restarts"):format(restarts) end
    restarts = restarts + 1
    print(("  restart %d of %d"):format(restarts, MAX_RESTARTS))
  end
end

print("ten jobs")
print(supervise(10))
print("twenty jobs")
print(supervise(20))
