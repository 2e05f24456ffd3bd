-- Type values between processes: types specification §5.9.

local time = require("time")
local HOST = "app:processes"
local WORKER = "app.support.types_workers:"
local replies = process.listen("echo")

local function receive(ch)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived")
  return r.value
end

type User = {name: string, tags: {string}}
type Box<T> = {value: T}

-- In messages, as a value, in a table, as a key, in a closure.
do
  local echo = assert(process.spawn(WORKER .. "echo", HOST))
  local function round_trip(v)
    assert(process.send(echo, "value", v))
    return receive(replies)
  end
  assert(round_trip(User) == User and tostring(round_trip(User)) == "User" and round_trip(Box) == Box)
  local t = round_trip({T = User, list = {Number, Box(User)}, [User] = "key"})
  assert(t.T == User and t.list[1] == Number and t.list[2] == Box(User) and t[User] == "key")
  local f = round_trip(function(v) return User:is(v) end)
  assert(f({name = "x", tags = {}}) and not f({}))
  assert(round_trip(User):is({name = "x", tags = {"a"}}))
end

-- As an argument of a process, and in its result; the worker has an alias of its own that is equal.
do
  local worker = assert(process.spawn(WORKER .. "compare", HOST, process.pid(), User))
  assert(worker and receive(process.listen("compared")) == true)
end

-- Over a channel.
do
  local ch = channel.new(1)
  ch:send(User)
  assert(ch:receive() == User)
end

-- Many processes that build and use the same types at once.
do
  local done = process.listen("built")
  for i = 1, 20 do assert(process.spawn(WORKER .. "build", HOST, process.pid(), i)) end
  local first
  for _ = 1, 20 do
    local T = receive(done)
    first = first or T
    assert(T == first and T:is({n = 1, next = {n = 2}}) and tostring(T) == "Built")
  end
end

-- Details of errors show a type as its text.
do
  local err = errors.new { message = "m", details = {expected = User} }
  assert(err:details().expected == "User")
end
