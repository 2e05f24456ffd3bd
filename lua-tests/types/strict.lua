--!strict
-- What strict checking adds (types §4.2, §2.14).

local list: {number} = {1, 2}
local first: number = list[3]                             --> E0001
for _, item in ipairs(list) do
    local n: number = item
end
local ages: {[string]: integer} = {}
print(ages.bob + 1)                                       --> E0019
local coerced = "10" + 1                                  --> E0019
local found = ("abc"):find("b")
print(found + 1)                                          --> E0019
local function plain(a) return a end
plain(1, 2)                                               --> E0003
local config = {port = 80}
print(config.prot)                                        --> E0004
local function operand(v: unknown)
    return v + 1                                          --> E0007
end
print(undefined_name)                                     --> E0006
type Shape = {kind: "a", a: number} | {kind: "b", b: number} | {kind: "c"}
local function partial(shape: Shape)
    if shape.kind == "a" then                             --> E0014
        print(shape.a)
    elseif shape.kind == "b" then
        print(shape.b)
    end
end
local function compare(v: string)
    return v == 1                                         --> E0027
end

-- A limit may have a fraction, the variable has none.
for i = 1, 10 / 3 do local n: integer = i end
for i = 1, 10, 0.5 do local n: integer = i end            --> E0001

-- What is missing is said once, and methods have a code of their own.
local function once(s: string?) return s:upper() end      --> E0023
print(("x"):uppper())                                     --> E0022
