error(setmetatable({}, { __tostring = function() return "I describe myself" end }))
