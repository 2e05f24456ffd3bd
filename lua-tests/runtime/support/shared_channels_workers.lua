-- Process bodies for shared_channels.lua.

local M = {}

function M.worker(jobs, results)
  while true do
    local job, ok = jobs:receive()
    if not ok then break end
    results:send { id = job.id, square = job.n * job.n, by = process.pid() }
  end
  results:send { done = true }
end

function M.produce(ch, first, last)
  for i = first, last do ch:send(i) end
end

function M.same(a, b, list, back)
  local t = { [a] = "found" }
  back:send(a == b and list[1] == a and t[list[2]] == "found")
end

function M.selects(requests, stop, replies)
  while true do
    local r = channel.select { stop:case_receive(), requests:case_receive() }
    if r.channel == stop then replies:send("stopped " .. tostring(r.ok)) return end
    replies:send(r.value * 2)
  end
end

function M.abandons(ch, ready)
  coroutine.spawn(function() ch:receive() end)
  coroutine.spawn(function() ch:receive() end)
  ready:send(true)
end

function M.fills(ch)
  ch:send("kept 1")
  ch:send("kept 2")
end

function M.blocks_in_send(ch, report)
  local raised, ok, err = pcall(ch.send, ch, "never taken")
  local message = raised and err and err:message() or not raised and ok:match("send on closed channel")
  report:send { message = message }
end

function M.competes(ch, report, id)
  local n = 0
  while true do
    local _, ok = ch:receive()
    if not ok then break end
    n = n + 1
  end
  report:send { id = id, n = n }
end

return M
