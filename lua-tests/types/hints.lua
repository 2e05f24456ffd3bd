-- moonlet check --mode strict --level hint
-- What strict mode warns of and hints at (types §3.3, §3.5, §4.3).

local function stop(): never error("stop") end
local function early(x: number): number
  if x > 0 then
    return 1
  else
    stop()
  end
  print("never")                                          --> E0009
end
early(1)

local fs = require("fs")
local volume, err = fs.get("app:root")                    --> E0031
print(volume)
local other, problem = fs.get("app:root")
if problem then return end
print(other, require("no.such.module"))                   --> E0026

type Shape = {kind: "a", n: number} | {kind: "b", s: string} | {kind: "c"}
local function area(s: Shape)
  if s.kind == "a" then print(s.n) elseif s.kind == "b" then print(s.s) end --> E0014
  if s.kind == "a" then print(s.n) elseif s.kind == "b" then print(s.s) else print("c") end
end
area({kind = "c"})
local n: number = 5
if n == "x" then print("no") end                          --> E0027
while true do early(1) end
print("never")                                            --> E0009
