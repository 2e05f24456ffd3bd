-- moonlet check --require-annotations
--!strict
-- What leaves a module must have types, where that is required (types §4.5).

local M = {
  double = function(n) return n + n end,                  --> E0030 E0030
}

local function inside(x) return x end

function M.area(width: number, height)                    --> E0030 E0030
  return width * (height :: number)
end

function M:name(_unused): string return tostring(self) end

M.greet = function(who: string) print("hello " .. who) end

M.later = function(flag: boolean)                         --> E0030
  if flag then return inside(1) end
end

local function exported(text) print(text) end             --> E0030
M.exported = exported

return setmetatable(M, {})
