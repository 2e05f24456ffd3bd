-- Names of types, generics, recursion, validators (types §1.8, §2.10, §2.11, §5.5).

type Tree = {value: number, left: Tree?, right: Tree?}
local leaf: Tree = {value = 1}
local tree: Tree = {value = 2, left = leaf, right = {value = 3}}
local bad_tree: Tree = {value = 2, left = {value = "x"}}  --> E0001

type Loop = Loop                                          --> E0013
type Ping = Pong                                          --> E0013
type Pong = Ping | nil                                    --> E0013
type Twice = string
type Twice = number                                       --> E0017
type number = string                                      --> E0017
type Dup = {a: string, a: number}                         --> E0017
type Unknown = Strng                                      --> E0012
type Empty = string & number                              --> E0020

type Box<T> = {value: T}
local box: Box<string> = {value = "x"}
local wrong_box: Box<string> = {value = 1}                --> E0001
local bare: Box = {value = 1}                             --> E0024
local crowded: Box<string, string> = {value = "x"}        --> E0024
type Named<T: {name: string}> = {item: T}
local named: Named<{name: string, age: number}> = {item = {name = "a", age = 1}}
local unnamed: Named<{age: number}> = {item = {age = 1}}  --> E0024
type Grow<T> = {next: Grow<{T}>?}                         --> E0013
type Result<T, E = string> = {ok: true, value: T} | {ok: false, error: E}
local good: Result<number> = {ok = true, value = 1}
local failed: Result<number> = {ok = false, error = "no"}
local confused: Result<number> = {ok = false, error = 5}  --> E0001

-- Values that are used before they are declared in the text, but in the same block.
local function size(list: List): integer
    return list.size
end
type List = {size: integer}

-- Aliases are values, too, which cannot be assigned.
type Color = "red" | "green"
local checked = Color("red")
local unassigned: Color
assert(typeof(unassigned) == Color)
local misused: number = checked                           --> E0001
Color = nil                                               --> E0028

-- Validators.
local age: integer @min(0) = 3
local negative: integer @min(0) = -1                      --> E0016
local short: string @min_len(3) = "ab"                    --> E0016
type Id = string @min_len(2)
local id: Id = "x"                                        --> E0016
local odd: string @min(1) = "a"                           --> E0029
local unknown_validator: string @even = "a"               --> E0029

-- Generic functions.
local function first<T>(list: {T}): T?
    return list[1]
end
local number_or_nil: number? = first({1, 2})
local text_or_nil: string? = first({1, 2})                --> E0001
local function pair<K, V>(key: K, value: V): {key: K, value: V}
    return {key = key, value = value}
end
local entry: {key: string, value: number} = pair("a", 1)
local swapped: {key: number, value: string} = pair("a", 1) --> E0001
local function map<T, U>(list: {T}, f: (item: T) -> U): {U}
    local out: {U} = {}
    for at, item in ipairs(list) do out[at] = f(item) end
    return out
end
local lengths: {integer} = map({"a", "bb"}, function(s) return #s end)
local function longest<T: {length: number}>(a: T, b: T): T
    return a.length > b.length and a or b
end
longest({length = 1}, {length = 2})
longest({length = "x"}, {length = 2})                     --> E0024

-- A value before its declaration is whatever global has the name.
print(Later)                                              --> E0028
type Later = number
print(Later)
