-- Errors of syntax do not hide those of types around them (types §1.7).

local a: integer = "x"                                    --> E0001
local b = = 1                                             --> P0001
local c: string = 1                                       --> E0001
function d(x: integer) return x +
end                                                       --> P0001
local e: {integer, string} = {}                           --> P0001
local f: boolean = "x"                                    --> E0001
if a != 1 then end                                        --> P0001
