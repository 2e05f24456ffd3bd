local greeting = require("greeting")

-- The arguments of the command; the result is the exit code.
local function main(...)
  local names = { ... }
  if #names == 0 then names = { "World" } end
  for _, name in ipairs(names) do print(greeting.to(name)) end
  return 0
end

return { main = main }
