-- How functions answer.

local http = require("http")

local M = {}

-- Which status tells a client what sort of error there was.
local statuses = {
  [errors.INVALID] = http.STATUS.BAD_REQUEST,
  [errors.NOT_FOUND] = http.STATUS.NOT_FOUND,
  [errors.CONFLICT] = http.STATUS.CONFLICT,
  [errors.UNAVAILABLE] = http.STATUS.SERVICE_UNAVAILABLE,
}

function M.json(status: integer, value: any)
  local response = assert(http.response())
  response:set_status(status)
  response:write_json(value)
end

-- What clients may know of an error. Others are bugs: the server answers 500 by itself.
function M.failure(err: error)
  local status = statuses[err:kind()]
  if not status then error(err) end
  M.json(status, { error = err:message(), kind = err:kind() })
end

return M
