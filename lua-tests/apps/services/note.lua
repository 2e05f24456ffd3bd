-- Counts under a name, for all processes.
local note = {}

function note.count(name)
  return tonumber(env.get(name) or "0")
end

function note.add(name)
  local n = note.count(name) + 1
  env.set(name, tostring(n))
  return n
end

return note
