-- Waiting in tests: never for ever.

local time = require("time")

local M = { HOST = "app:processes" }

-- Receives a value, or fails.
function M.receive(ch, what)
  local guard = time.after("30s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  if r.channel ~= ch then error("nothing arrived: " .. what, 2) end
  return r.value, r.ok
end

-- The next event of a kind from a process; others are dropped.
function M.event(kind, pid)
  while true do
    local event = M.receive(process.events(), kind .. " of " .. tostring(pid))
    if event.kind == kind and (pid == nil or event.from == pid) then return event end
  end
end

-- Runs a function in a process; its result.
function M.run(f, ...)
  local pid = assert(process.spawn_monitored(f, M.HOST, ...))
  local result = M.event(process.event.EXIT, pid).result
  return result.value, result.error
end

-- `nil, err` with this kind, and a message with this text in it.
function M.refused(kind, text, value, err)
  if value or not errors.is(err, kind) or not string.find(err, text, 1, true) then
    local found = errors.is(err, kind) and "" or " of kind " .. tostring(err and err.kind and err:kind())
    error(("expected %s %q, found %s, %s%s"):format(kind, text, tostring(value), tostring(err), found), 2)
  end
end

-- An error is raised whose text has this in it.
function M.raises(text, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not string.find(tostring(err), text, 1, true) then
    error(("expected an error %q, found %s, %s"):format(text, tostring(ok), tostring(err)), 2)
  end
end

return M
