-- Types for modules.lua.

local M = {}

export type Person = {name: string @min_len(1), friends: {Person}}
export type Pair<A, B = A> = {first: A, second: B}

M.Person = Person

function M.make(name: string): Person return {name = name, friends = {}} end

return M
