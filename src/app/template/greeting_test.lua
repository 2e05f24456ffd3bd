local greeting = require("greeting")

local function main()
  assert(greeting.to("World") == "Hello, World!")
  assert(greeting.to() == "Hello, nobody!")
end

return { main = main }
