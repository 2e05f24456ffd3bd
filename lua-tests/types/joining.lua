--!strict
-- What is known where ways meet: branches, loops, jumps, ends (types §3.3, §3.4).

local function branches(v: integer | string | nil): string
    local text: string
    if type(v) == "string" then
        text = v
    elseif v then
        text = tostring(v + 1)
    else
        error("no value")
    end
    return text
end

local function unassigned(flag: boolean): string
    local text: string
    if flag then text = "x" end
    return text                                           --> E0015
end

local function leaving(list: {integer?}): integer
    local first: integer?
    for _, value in ipairs(list) do
        if not value then break end
        first = value
    end
    if not first then return 0 end
    return first + 1
end

local function growing(limit: integer): string
    local value: integer | string = 1
    while #tostring(value) < limit do
        value = value .. "x"
    end
    return value                                          --> E0001
end

local function until_found(next_value: () -> integer?): integer
    local found: integer?
    repeat
        found = next_value()
        local seen = found
    until seen ~= nil and found
    return found
end

local function forever(): integer
    while true do
        if os.time() > 1 then return 1 end
    end
end

local function breaks(): integer
    while true do
        if os.time() > 1 then break end
    end
end                                                       --> E0010

local function jumps(v: integer?): integer
    if not v then goto none end
    do return v end
    ::none::
    return 0
end

local function never_returns(): never
    while true do os.exit(1) end
end
local function returns_though(): never
    print("x")
end                                                       --> E0010

local function fail(why) error(why) end
local function guarded(v: integer?): integer
    if not v then fail("nil") end
    return v
end

local function counted()
    for at: integer = 1, 3 do print(at) end
    for at: string = 1, 3 do print(at) end                --> E0001
    for at = 1, 2, 0.5 do local x: integer = at end       --> E0001
    for key: string in pairs({a = 1}) do print(key) end
    for _, value: string in ipairs({1}) do print(value) end --> E0001
end

-- Both components, or the error.
local function both(): (integer?, error?)
    local file, why = io.open("x")
    if not file then return nil, errors.new(why or "") end
    local text = file:read("a")
    return #text, nil
end
local function used(): integer
    local n, err = both()
    if err then error(err) end
    return n
end
local function asserted(): integer
    local n = assert(both())
    return n
end
