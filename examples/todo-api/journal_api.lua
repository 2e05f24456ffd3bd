-- The journal, as clients see it.

local http, time = require("http"), require("time")
local reply = require("reply")

local M = {}

local function unavailable()
  return reply.failure(errors.new { message = "the journal is not there", kind = errors.UNAVAILABLE })
end

function M.show()
  local answers = assert(process.listen("counts"))
  if not process.send("journal", "counts?") then return unavailable() end
  local answer = channel.select { answers:case_receive(), time.after("1s"):case_receive() }
  if answer.channel ~= answers then return unavailable() end
  reply.json(200, answer.value)
end

-- Ends it, to see that it comes back.
function M.stop()
  if not process.terminate("journal") then return unavailable() end
  assert(http.response()):set_status(204)
end

return M
