local greeting = {}

function greeting.to(name)
  return "Hello, " .. (name or "nobody") .. "!"
end

return greeting
