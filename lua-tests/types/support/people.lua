--- People, for other programs.

export type Person = {name: string, age?: integer}
type Hidden = {secret: string}

local M = {version = 1}

function M.new(name: string): Person
    return {name = name}
end

function M.greet(person: Person, loud)
    return loud and person.name:upper() or person.name
end

return M
