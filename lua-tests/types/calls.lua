-- Calls, arity, results, the pair of a value and its error (types §2.7, §3.4, §3.5).

local function add(a: number, b: number): number return a + b end
add(1, 2)
add(1)                                                    --> E0003
add(1, 2, 3)                                              --> E0003
add("1", 2)                                               --> E0001
local s: string = add(1, 2)                               --> E0001
local function greet(name: string, greeting: string?): string
    return (greeting or "hello") .. name
end
greet("a")
greet("a", nil)
greet(nil)                                                --> E0001
local function plain(a, b) return a, b end
plain()
plain(1, 2, 3)
local function count(...: number): integer return select("#", ...) end
count(1, 2, 3)
count(1, "2")                                             --> E0001
add(table.unpack({1, 2}))

-- Results.
local function two(): (number, string) return 1, "a" end
local a: number, b: string = two()
local c: string, d: number = two()                        --> E0001 E0001
local only: number = (two())
local function wrong(): number return "x" end             --> E0001
local function swapped(): (number, string) return "a", 1 end --> E0001
local function forgets(x: number): number
    if x > 1 then return x end
end                                                       --> E0010
local function forever(): number
    while true do end
end
local function nothing(): () return end
local function perhaps(x: number): number?
    if x > 1 then return x end
end
local function stops(): never error("stop") end

-- What is no function.
local five = 5
five()                                                    --> E0002
local callback: (() -> ())? = nil
local function later(callback: (() -> ())?)
    callback()                                            --> E0021
    if callback then callback() end
end
local object: {run: (self: any) -> ()} = {run = function(self) end}
object:run()
object:walk()                                             --> E0022
object.run()
local name = "text"
name:upper():lower()

-- Values and errors.
local function load_user(id: string): ({name: string}?, error?)
    if id == "" then return nil, errors.new("empty") end
    return {name = id}, nil
end
local function use(id: string): (string?, error?)
    local user, err = load_user(id)
    print(user.name)                                      --> E0023
    if err then return nil, err end
    return user.name
end
local function other(id: string): string
    local user, err = load_user(id)
    if not user then return err:message() end
    return user.name
end
local function strict_pair(): (integer, error?)
    return 1, nil
end

-- Functions of libraries.
string.rep("x")                                           --> E0003
string.rep({}, 3)                                         --> E0001
string.rep(5, "3");
("x"):rep(1.5)                                            --> E0001
math.floor("x")                                           --> E0001
local at = string.find("abc", "b")
local after = at + 1
for word in ("a b"):gmatch("%a") do print(word + 1) end
local numbers: {number} = {}
table.insert(numbers, 1)
table.insert(numbers, 1, 2)
table.insert(numbers, "x")                                --> E0001
table.sort(numbers, function(x, y) return x > y end)
local floor: integer = math.floor(2.5)
local biggest: integer = math.max(1, 2)
os.exit(1)
