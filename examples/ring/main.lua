-- A token goes round a ring of processes; each one knows only its successor.

local SIZE, LAPS = 1000, 100
local HOST = "app:processes"

local function node(successor)
  local tokens = process.listen("token")
  while true do
    local hops = tokens:receive()
    process.send(successor, "token", hops and hops + 1)
    if not hops then return end -- false goes round once more and ends the ring
  end
end

local tokens = process.listen("token")
local first = process.pid()
for _ = 1, SIZE do first = assert(process.spawn(node, HOST, first)) end

local hops = 0
for _ = 1, LAPS do
  process.send(first, "token", hops)
  hops = tokens:receive()
end
process.send(first, "token", false)
assert(tokens:receive() == false)
print(("%d processes, %d laps, %d hops"):format(SIZE, LAPS, hops))
