-- Operators: which operands have a meaning, and what the result is (types §2.8).

local i: integer, f: float, n: number = 3, 1.5, 2
local s: string, b: boolean, t: {x: number} = "a", true, {x = 1}

-- Results.
local sum: integer = i + i - i * i // i % i
local mixed: float = i + f
local any_number: number = i + n
local quotient: float = i / i
local whole: integer = i / i                              --> E0001
local power: integer = i ^ 2                              --> E0001
local bits: integer = (i & 1 | 2 ~ 3) << 1 >> 2
local flipped: integer = ~i
local negated: float = -f
local joined: string = s .. i .. f
local length: integer = #s + #t
local less: boolean = i < f
local equal: boolean = s == b
local chosen: string | integer = b and s or i
local inverted: boolean = not s

-- Operands.
print(s + 1)                                              --> E0019
print(b * 2)                                              --> E0019
print(-t)                                                 --> E0019
print(t .. "x")                                           --> E0019
print("x" .. b)                                           --> E0019
print(#i)                                                 --> E0019
print(1.5 & 1)                                            --> E0019
print(2.0 & 1)
print(i < s)                                              --> E0019
print(t < t)                                              --> E0019
print(s < "b", i < n)
print(nil + 1)                                            --> E0019
print("10" + 1, "0x10" * 2, "ten" .. 1)
print("ten" + 1)                                          --> E0019

local function optional(v: integer?, text: string?)
    print(v + 1)                                          --> E0019
    print(text .. "x")                                    --> E0019
    print(#text)                                          --> E0019
    print((v or 0) + 1, (text or "") .. "x")
    if v and v > 1 then print(v + 1) end
    return v == nil or v < 3
end

-- Of what nobody wrote, only what fails for certain.
local function untyped(a, c)
    local number = a + c
    local text = a .. c
    return number < text, #a, -c, a & c
end

-- Metamethods.
type Vector = {x: number}
local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, c) return a end
local v = setmetatable({x = 1}, Vector)
print(v + v, v .. "x")
print(not v, v == v, v and 1)
