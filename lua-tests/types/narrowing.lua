-- What conditions tell (types §3.2, §3.3).

local function optional(v: string?)
    local early: string = v                               --> E0001
    if v then
        local s: string = v
    else
        local n: nil = v
    end
    if v == nil then return end
    local s: string = v
    return s:upper()
end

local function guards(v: number?, w: string | number | nil): number
    if not v then return 0 end
    if type(w) == "string" then
        local s: string = w
        return #w
    elseif w == nil then
        return 1
    end
    return v + w
end

local function logical(a: string?, b: number?)
    local s: string = a or "default"
    local n: number = b and b + 1 or 0
    local bad = b + 1                                     --> E0019
    if a and b then return a .. b end
    if a or b then
        local x: string = a                               --> E0001
    end
    if not (a and b) then return end
    return a .. b
end

type Shape = {kind: "square", side: number} | {kind: "circle", radius: number}
local function area(shape: Shape): number
    if shape.kind == "square" then
        return shape.side ^ 2
    elseif shape.kind == "circle" then
        return 3 * shape.radius ^ 2
    end
end
local function side(shape: Shape): number
    if shape.kind ~= "square" then
        return shape.side                                 --> E0004
    end
    return shape.side
end

local function dynamic(v: unknown): number
    if type(v) == "number" then return v end
    if math.type(v) == "integer" then return 0 end
    if type(v) == "table" then return #v end
    return v                                              --> E0001
end

local function loops(items: {string?}, limit: number?)
    local last: string? = nil
    for _, item in ipairs(items) do
        if not item then goto continue end
        last = item
        item = item .. "!"
        ::continue::
    end
    while not limit do
        limit = 10
    end
    local n: number = limit
    local s: string = last                                --> E0001
    repeat
        local done = n > 3
        n = n + 1
    until done
end

local function fields(user: {name: string?, address?: {city: string}})
    local upper = user.name:upper()                       --> E0023
    if user.name then
        print(user.name:upper())
    end
    if user.address and user.address.city then
        print(user.address.city:upper())
    end
    user.name = "x"
    print(user.name:upper())
    user.name = nil
    print(user.name:upper())                              --> E0005
end

local function asserted(v: number?, w: {x: number}?)
    assert(v)
    local n: number = v
    local checked = assert(w, "missing")
    return n + checked.x + w!.x
end

local function closures(v: number?)
    if v then
        local later = function(): number return v end
    end
    local w: number? = 1
    local changed = function(): number
        return w                                          --> E0001
    end
    w = nil
    return changed
end

local function fails(v: number?): number
    if v then return v end
    error("no number")
end

local function equal(v: "a" | "b" | nil, w: boolean?)
    if v == "a" then
        local a: "a" = v
    elseif v ~= nil then
        local b: "b" = v
    end
    if w == false then return end
    local t: true? = w
end

type Id = string @min_len(2)
local function checked(v: any)
    local id, err = Id:is(v)
    if err then
        return nil, err:message()
    end
    local s: string = id
    return s
end

-- Conditions in brackets.
local function brackets(a: string?, b: string?)
    if not (a == nil) then local s: string = a end
    if ((b ~= nil)) then
        local s: string = b
    else
        local s: string = b                               --> E0001
    end
end

-- By the value of a type (types §5.6): of a variable with a declared type that is no news.
local function by_type(x: unknown, y, z: any, declared: number | {a: string})
    if typeof(x) == Number then local n: number = x end
    if typeof(x) == String then
        local n: number = x                               --> E0001
    end
    if Table == typeof(y) then
        local n: number = y                               --> E0001
    else
        local n: number = y
    end
    if typeof(z) ~= Boolean then return end
    local b: boolean, n: number = z, z                    --> E0001
    if typeof(declared) == Number then
        local n: number = declared                        --> E0001
    end
end
