-- Stages connected by channels: each stage is a process, the channels between them are shared, closing one ends the next.

local time = require("time")
local HOST = "app:processes"

local function each(input)
  return function() return (input:receive()) end
end

local function numbers(output, n)
  for i = 1, n do output:send(i) end
  output:close()
end

local function squares(input, output)
  for n in each(input) do output:send(n * n) end
  output:close()
end

local function evens(input, output)
  for n in each(input) do
    if n % 2 == 0 then output:send(n) end
  end
  output:close()
end

-- 1. A pipeline with backpressure: at most a few numbers are under way at any time.
local a, b, c = channel.new(), channel.new(4), channel.new(4)
assert(process.spawn(numbers, HOST, a, 1000))
assert(process.spawn(squares, HOST, a, b))
assert(process.spawn(evens, HOST, b, c))

local count, sum = 0, 0
for n in each(c) do count, sum = count + 1, sum + n end
print(("%d even squares, sum %d"):format(count, sum))

-- 2. Two sources merged by select until both are closed.
local odd, even = channel.new(), channel.new()
local function every_second(output, first, last)
  for i = first, last, 2 do output:send(i) end
  output:close()
end
assert(process.spawn(every_second, HOST, odd, 1, 99))
assert(process.spawn(every_second, HOST, even, 2, 100))

local open, merged, total = { [odd] = true, [even] = true }, 0, 0
while next(open) do
  local cases = {}
  for source in pairs(open) do cases[#cases + 1] = source:case_receive() end
  local chosen = channel.select(cases)
  if chosen.ok then
    merged, total = merged + 1, total + chosen.value
  else
    open[chosen.channel] = nil
  end
end
print(("%d merged, sum %d"):format(merged, total))

-- 3. A deadline: the source stays silent until it is told to go.
local go, answer = channel.new(), channel.new()
assert(process.spawn(function(start, out)
  start:receive()
  out:send("better late than never")
end, HOST, go, answer))

local function await(source, patience)
  local deadline = time.after(patience)
  local chosen = channel.select { source:case_receive(), deadline:case_receive() }
  if chosen.channel == deadline then return nil, "nothing within " .. patience end
  return chosen.value
end

print(select(2, await(answer, "20ms")))
go:send(true)
print(await(answer, "60s"))
