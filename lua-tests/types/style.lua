-- moonlet check --rules
-- What is pointed out on request (types §4.3).

local unused = 1                                          --> W0004
local _exempt = 2
local json = require("json")                              --> W0006
local function f(a, b, _c)                                --> W0005
  if a then                                               --> W0001
  end
  if a == a then return a end                             --> W0003
  local a = 2                                             --> W0007
  total = a                                               --> W0002
  return total
end
type Point = {x: number, y: number}
local p: Point = {x = 1, y = 2, z = 3}                    --> W0010
local q = p!                                              --> W0012
local r = p :: Point                                      --> W0012
local function sure(maybe: Point?) return maybe! end
local s = sure(p)
local t = s as (Point)                                    --> E0006 W0008
print(f(1, 2), p, q, r, s, t)
