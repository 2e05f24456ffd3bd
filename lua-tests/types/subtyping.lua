-- Which types fit where (types §2.1–§2.6).

-- Numbers and literals.
local i: integer = 3
local n: number = i
local back: integer = n                                   --> E0001
local f: float = 1.0
local wrong: float = 1                                    --> E0001
local on: "on" | "off" = "on"
local off: "on" | "off" = "of"                            --> E0001
local base: string = on
local yes: boolean = true
local three: 3 = 3
local not_three: 3 = 3.0                                  --> E0001

-- Optionals and unions.
local maybe: number? = nil
local both: string | number = 1
both = "text"
both = true                                               --> E0001
local everything: any = both
local dynamic: string = everything
local top: unknown = 1
local concrete: number = top                              --> E0001

-- Arrays and maps.
local list: {number} = {1, 2, 3}
local texts: {string} = {"a", 2}                          --> E0001
local wide: {number | string} = list
local ages: {[string]: integer} = {ann = 30}
ages.bob = "old"                                          --> E0001
ages[1] = 2                                               --> E0018
ages.ann = nil
local any_map: {[any]: any} = ages

-- Records: more fields are fine, other types are not.
type Point = {x: number, y: number}
local p: Point = {x = 1, y = 2}
local q: {x: number} = p
local r: {x: string} = p                                  --> E0001
local missing: Point = {x = 1}                            --> E0001
local optional: {x: number, label?: string} = {x = 1}
local label: string? = optional.label
local text: string = optional.label                       --> E0001
p.z = 3                                                   --> E0004
p.x = "1"                                                 --> E0001
local frozen: {readonly x: number} = p
frozen.x = 2                                              --> E0008
local fixed: readonly {number} = list
fixed[1] = 2                                              --> E0008
local thawed: {number} = fixed                            --> E0001

-- The members of a union that a constructor means.
type Shape = {kind: "square", side: number} | {kind: "circle", radius: number}
local square: Shape = {kind = "square", side = 2}
local neither: Shape = {kind = "circle", side = 2}        --> E0001

-- Functions.
local unary: (number) -> number = function(x: number): number return x end
local fewer: (number, string) -> number = unary
local more: () -> number = unary                          --> E0001
local contra: (integer) -> number = unary
local covariant: (number) -> string = unary               --> E0001
local whatever: function = unary
local vararg: (...number) -> () = function(...: number) end

-- Tables whose types nobody wrote.
local config = {port = 80, host = "localhost"}
local typed: {port: integer, host: string} = config
local mistyped: {port: string} = config                   --> E0001
local incomplete: {port: integer, path: string} = config  --> E0001
local general: table = config
local array: {string} = general

-- Functions keep what they declare, even in variables without annotations.
local function want(callback: (number) -> string): string return callback(1) end
local function text(n: string): string return n end
local function number(n: number): number return n end
local function loose(n) return n end
want(text)                                                --> E0001
want(number)                                              --> E0001
want(loose)
want(function(n: string) return n end)                    --> E0001
want(function(n) return n .. "" end)
want(tostring)
local callback: (number) -> string = number               --> E0001
