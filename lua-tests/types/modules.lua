-- What other chunks and libraries offer (types §6.1, §6.2).

type Team = {members: {people.Person}}
local people = require("support.people")
local ann: people.Person = people.new("Ann")
local age: integer? = ann.age
local wrong: people.Person = {nam = "Bob"}                --> E0001
local number: integer = people.new("Ann")                 --> E0001
people.new(1)                                             --> E0001
people.new()                                              --> E0003
people.greet(ann)
people.greet({name = 1})                                  --> E0001
local team: Team = {members = {ann}}
local nobody: Team = {members = {{nam = "x"}}}            --> E0001
local hidden: people.Hidden                               --> E0012
local missing: nowhere.Thing                              --> E0012
local unknown = require("not.there")
print(unknown.anything.deep)
print(people.version + 1, people.whatever)

-- Libraries that every program has.
local out = channel.new(1)
out:send(1)
out:sent(1)                                               --> E0022
local value, open = out:receive()
local fine: boolean = open
local selected, why = channel.select {out:case_receive()}
if selected then print(selected.ok, selected.value) end
local pid: string = process.pid()
process.send(pid, "topic", 1)
process.send({}, "topic")                                 --> E0001
process.registry.lookup()                                 --> E0003
process.spwan("x")                                        --> E0004
local message = process.inbox():receive()

local time = require("time")
local now: time.Time = time.now()
local year: integer = now:year()
local later: time.Time = now:add("1h")
local difference: time.Duration = later:sub(now)
later:sub("1h")                                           --> E0001
time.sleep(true)                                          --> E0001
local seconds: number = difference:seconds()
local zone: time.Location = time.utc

local problem: error = errors.new({message = "x", kind = errors.INVALID})
local text: string = problem:message()
if errors.is(problem, errors.NOT_FOUND) then print(problem:kind()) end
problem:mesage()                                          --> E0022

local pg, events = require("pg"), require("events")
local scope, refused = pg.open("app:groups")
if scope then
    scope:join("workers")
    scope:join(5, {})
    scope:join(true)                                      --> E0001
    local members = scope:get_members("workers")
    local first: integer = members                        --> E0001
    scope:jion("workers")                                 --> E0022
end
events.send("a", "b")                                     --> E0003
local sent = payload.new({}):get_format() .. "x"
local id = require("ctx").get(true)                       --> E0001
