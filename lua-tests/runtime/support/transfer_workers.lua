-- Process bodies for transfer.lua.

local M = {}

-- Sends back what it received.
function M.echo()
  local inbox = process.inbox()
  while true do
    local message = inbox:receive()
    if message:topic() == "stop" then return end
    local payload = message:payload()
    process.send(message:from(), "echo", payload and payload:data())
  end
end

function M.bump(parent, counter)
  counter.inc() counter.inc()
  process.send(parent, "bumped", counter.get(), where_am_i == nil)
end

function M.returns_argument(value) return value end

return M
