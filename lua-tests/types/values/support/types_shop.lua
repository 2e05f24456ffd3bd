-- Types for modules.lua that use those of another module.

local people = require("support.types_people")

export type Line = {item: string, count: integer @min(1)}
export type Again = people.Person

type Order = {buyer: people.Person, lines: {Line}}
type Original = {original: boolean}
type Hidden = {hidden: boolean}
local Class = {}
type Class = {class: boolean}
type Assigned = string

local M = {Order = Order, Renamed = Original, Passed = people.Person, Class = Class, PassedLine = people.Line}
M.Assigned = Assigned

return M
