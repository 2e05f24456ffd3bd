-- Constants that violate validators (E0016), and validators that are none (E0029; types §5.5).

type Age = integer @min(0) @max(150)
type Name = string @min_len(1)
type Person = {age: Age, names: {Name}, mail?: string @pattern("@")}

local age: Age = -1                                       --> E0016
age = 151                                                 --> E0016
age = 30
local half: number @integer = 1.5                         --> E0016
local person: Person = {
    age = -5,                                             --> E0016
    names = {"Ada", ""},                                  --> E0016
    mail = "ada at example",                              --> E0016
}
person = {age = 1, names = {"Ada"}, mail = "ada@example"}

local function grow(by: Age, who: Name?): Age
    if who then return -1 end                             --> E0016
    return by
end
grow(-1)                                                  --> E0016
grow(1, "")                                               --> E0016
grow(1, "x")
local shrink = function(by: Age) end
shrink(200)                                               --> E0016
-- Who knows what it is by now.
local other = function(by: Age) end
other = print
other(-1)

type A = string @pattern("(")                             --> E0029
type B = string @min(1)                                   --> E0029
type C = string @mail                                     --> E0029
type D = integer @min("a")                                --> E0029
