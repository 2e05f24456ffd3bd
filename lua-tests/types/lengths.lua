--!strict
-- Elements that are there because somebody looked at the length (types §2.14).

local function guards(a: {string}, t: {list: {string}})
    if #a >= 2 then
        local x: string, y: string = a[1], a[2]
        local z: string = a[3]                            --> E0001
    end
    if 1 <= #t.list then
        local first: string, last: string = t.list[1], t.list[#t.list]
    end
    local early: string = a[1]                            --> E0001
    if #a == 0 then return end
    local first: string, last: string = a[1], a[#a]
    a[1] = "z"
    local set: string = a[1]
    local moved: string = a[#a]                           --> E0001
end

local function calls(a: {string})
    if #a > 0 then
        guards(a, {list = a})
        local s: string = a[1]                            --> E0001
    end
end

local function edges(a: {string})
    if not (#a < 2) then local s: string = a[2] end
    if 3 > #a then return end
    local s: string = a[3]
    if #a ~= 1 then return end
    local t: string = a[1]
end

local function elements()
    local list = {1, 2, 3}
    local n: number = list[2]
    local m: number = list[4]                             --> E0001
    list[2] = nil
    local gone: number = list[2]                          --> E0001
    local named: {string} = {"a", "b"}
    local s: string = named[2]
    named = {}
    local after: string = named[2]                        --> E0001
end

-- What no call can change.
local function readonly(o: {readonly r: {readonly s: number?}, n: number?})
    if o.r.s and o.n then
        readonly(o)
        local s: number = o.r.s
        local n: number = o.n                             --> E0001
    end
end
