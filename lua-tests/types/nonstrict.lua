-- What is reported in code without annotations, and what is not (types §4.4).

-- Certain failures.
local x = nil
x()                                                       --> E0002
local n = 5
n()                                                       --> E0002
local t = {}
t()                                                       --> E0002
print(n.field)                                            --> E0005
print(1 + nil)                                            --> E0019
print("a" .. nil)                                         --> E0019
print(#5)                                                 --> E0019
print("x" * 2)                                            --> E0019
print({} < 1)                                             --> E0019
for i = 1, {} do end                                      --> E0019
string.upper()                                            --> E0003
local fs = require("fs")
fs.gett("x")                                              --> E0004
print(undefined_name)                                     --> E0006

-- What may be meant.
local value = 1
value = "text"
value = {}
value.field = 1
print(value.other, value.field.deeper)
local function anything(a, b) return a end
anything()
anything(1, 2, 3)
local late
local function use() return late.field() end
late = {field = print}
print("10" + 1, 10 .. 20)
if unpack then unpack({}) end
local compat = loadstring or load
global_later = nil
local function reads() return global_later end
function string.trim(s) return (s:gsub("^%s+", "")) end
print(string.trim("x"), ("x"):trim())
print(("%d"):format("5"), math.floor("7"))
local opened = io.open("file")
opened:close()
local found = ("abc"):find("b")
print(found + 1)
local list = {}
for i = 1, 3 do list[i] = i end
print(list[1] + list[2])
local function returns(flag)
    if flag then return 1 end
    if flag == nil then return nil, "no" end
end
print(returns(true) + 1)
local best
for _, candidate in ipairs(list) do
    if not best or candidate > best then best = candidate end
end
print(best + 1)
print(1 == "1")
do
    local x = 1
    local x = 2
    print(x)
end
pcall(function() local never = nil; never() end)
print(_G.whatever, _G["some" .. "thing"])
return 1
