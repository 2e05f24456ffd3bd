-- Process bodies for process.lua.

local M = {}

function M.identity(parent)
  process.send(parent, "identity", process.pid(), process.id())
end

function M.returns(kind)
  if kind == "value" then return { answer = 42 }, nil end
  if kind == "nothing" then return end
  if kind == "false" then return 42, false end
  if kind == "many" then return 1, nil, 3 end
  if kind == "text" then return nil, "failed politely" end
  if kind == "false text" then return false, "still a failure" end
  if kind == "object" then
    return nil, errors.new { message = "gone", kind = errors.NOT_FOUND, retryable = true, details = { id = 7 } }
  end
  if kind == "plain object" then return nil, errors.new("no kind") end
  if kind == "raise" then error("boom") end
  if kind == "raise table" then error(setmetatable({}, { __tostring = function() return "as text" end })) end
  if kind == "raise object" then error(errors.new { message = "typed", kind = errors.CONFLICT }) end
  if kind == "runtime" then local t; return t.x end
  if kind == "coroutine" then
    coroutine.spawn(function() error("in a coroutine") end)
    channel.new():receive()
  end
end

function M.waits(parent)
  local inbox = process.inbox()
  if parent then process.send(parent, "ready", process.pid()) end
  inbox:receive()
end

function M.spins(parent)
  process.send(parent, "spinning")
  while true do end
end

function M.arguments(parent, ...)
  process.send(parent, "count", select("#", ...))
  local last = select(select("#", ...), ...)
  process.send(parent, "last", last == nil and "nil" or last)
end

function M.globals(parent)
  shared_name = (shared_name or 0) + 1
  process.send(parent, "globals", shared_name, leaked_from_parent == nil)
end

function M.main() end

return M
