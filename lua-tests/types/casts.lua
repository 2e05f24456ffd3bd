-- Casts and assertions (types §3.7).

local function casts(v: string | number, w: number?)
    local s = v :: string
    local t: string = s
    local impossible = w :: string                        --> E0025
    local through = (w :: any) :: string
    local n: number = w!
    local copy: number = (w as number)
    local still: number = w                               --> E0001
    return t, n, copy
end

local before: string
print(before)                                             --> E0015
before = "set"
print(before)
local nothing: string?
print(nothing)
