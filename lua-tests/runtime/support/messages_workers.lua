-- Process bodies for messages.lua.

local M = {}

function M.burst(parent, topics, n, id)
  for i = 1, n do process.send(parent, topics[(i - 1) % #topics + 1], { id = id, i = i }) end
end

function M.echo()
  local inbox = process.inbox()
  while true do
    local message, ok = inbox:receive()
    if not ok or message:topic() == "stop" then return end
    process.send(message:from(), message:topic(), message:payload() and message:payload():data())
  end
end

-- Opens its inbox late: messages must have been retained.
function M.late(parent, n)
  local go = process.listen("go")
  go:receive()
  local other = process.listen("other")
  local inbox = process.inbox()
  local seen = {}
  for i = 1, n do seen[i] = inbox:receive():payload():data() end
  process.send(parent, "seen", seen, (other:receive()))
end

return M
