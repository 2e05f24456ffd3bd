-- Process bodies for processes.lua.

local M = {}

type Mine = {tags: {string}, name: string}

-- Sends back what it received.
function M.echo()
  local inbox = process.inbox()
  while true do
    local message = inbox:receive()
    process.send(message:from(), "echo", message:payload():data())
  end
end

function M.compare(parent, T)
  local handlers = {[Mine] = "found"}
  process.send(parent, "compared", T == Mine and handlers[T] == "found" and T:is({name = "n", tags = {"x"}}) ~= nil)
end

function M.build(parent, i)
  local T = load("type Built = {n: integer, next: Built?, more: {[string]: {Built}}?} return Built", "=built")()
  for n = 1, 50 do assert(T:is({n = n, next = {n = i}})) end
  process.send(parent, "built", T)
end

return M
