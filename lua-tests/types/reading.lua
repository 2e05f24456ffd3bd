--!strict
-- Reading by index (types §2.14), and what invalidates what is known (types §3.6).

type User = {name: string, age?: integer, tags: {string}, extra: {[string]: number}}
local function fields(user: User)
    local name: string = user.name
    local age: integer = user.age                         --> E0001
    local sure: integer = user.age or 0
    local tag: string = user.tags[1]                      --> E0001
    local maybe: string? = user.tags[1]
    local extra: number = user.extra.height               --> E0001
    local perhaps: number? = user.extra["height"]
    print(user.nmae)                                      --> E0004
    print(user["name"], user[1])                          --> E0018
    print(user.tags.first)                                --> E0018
    return name, age, sure, tag, maybe, extra, perhaps
end

-- Within a range there is no nil.
local function range(list: {number})
    local total = 0.0
    for at = 1, #list do total = total + list[at] end
    for at, value in ipairs(list) do total = total + value + at end
    for _, value in pairs(list) do total = total + value end
    return total
end

local function keys(map: {[string]: integer}, either: "a" | "b", record: {a: integer, b: string})
    for key, value in pairs(map) do
        local k: string, v: integer = key, value
        print(k, v)
    end
    local one: integer | string = record[either]
    map.gone = nil
    record.a = nil                                        --> E0001
    return one
end

-- A call may change what a table holds, but no local variable.
local function other() end
local function calls(user: User, v: integer?)
    if user.age and v then
        other()
        local age: integer = user.age                     --> E0001
        local same: integer = v
        return age + same
    end
    if user.age then
        print(tostring(1))
        local age: integer = user.age
        user.name = "x"
        return age
    end
    return 0
end

local function stores(a: User, b: User)
    if a.age then
        b.age = nil
        local age: integer = a.age                        --> E0001
        return age
    end
    return 0
end

-- A variable that some function assigns.
local function upvalues(v: integer?)
    local function forget() v = nil end
    if v then
        forget()
        local n: integer = v                              --> E0001
        return n
    end
    return 0
end
