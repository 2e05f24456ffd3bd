-- What the processes of main.lua do.

local workers = {}

-- answers one message and ends
function workers.answer_once()
  local message = process.inbox():receive()
  process.send(message:from(), "answer", message:payload():data())
end

return workers
