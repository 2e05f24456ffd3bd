--!strict
--!nonstrict                                              --> W0009
-- Modes, comments that silence, and what is always pointed out (types §4.5).

local a: integer = "x" --!ignore E0001
--!ignore E0001, E0002
local b: integer = "x"
--!ignore E0002
local c: integer = "x"                                    --> E0001
local d = ("x") as
string
local f = print
("a new statement?")                                      --> W0011
