-- Counts the words of every file below each PATH and prints the most frequent ones.
--
--   moonlet run examples/wordcount/main.lua PATH…
--
-- This process walks the folders and hands one path at a time to a pool of counter processes (counter.lua); each counter
-- keeps its own table and sends it back once, when there are no more paths. What cannot be read is named on standard
-- error and makes the exit status 1. A symbolic link to a file counts as that file; one to a folder is not entered.

local fs = require("fs")

local COUNTERS = 8
local SHOWN = 20
local HOST = "app:processes"

local paths = table.pack(...)
if paths.n == 0 then
  io.stderr:write("usage: moonlet run ", arg[0], " PATH…\n")
  os.exit(2)
end

local jobs = channel.new(COUNTERS)
local results = channel.new(COUNTERS)
local events = process.events()

local totals = { files = 0, lines = 0, words = 0, bytes = 0 }
local frequency = {}
local took_part = {}
local running = 0
local failed = false

local function complain(what, why)
  failed = true
  io.stderr:write("wordcount: ", what, ": ", tostring(why), "\n")
end

local function add(summary)
  for name in pairs(totals) do totals[name] = totals[name] + summary[name] end
  for word, count in pairs(summary.frequency) do frequency[word] = (frequency[word] or 0) + count end
  took_part[#took_part + 1] = summary.files
end

-- Takes what a counter has to say: a file it could not read, or the summary it sends last.
local function on_result(result)
  if result.failure then
    complain(result.path, result.failure)
  else
    running = running - 1
    add(result)
  end
end

-- A counter that ends without an error has sent its summary before.
local function on_event(event)
  local err = event.kind == process.event.EXIT and event.result.error
  if err then
    running = running - 1
    complain("counter " .. event.from, err)
  end
end

-- Waits until a counter can take `path`, or for news from the counters if there is no path. False: nobody is left.
local function step(path)
  if running == 0 then return false end
  repeat
    local cases = { results:case_receive(), events:case_receive() }
    if path then cases[3] = jobs:case_send(path) end
    local chosen = channel.select(cases)
    if chosen.channel == results then
      on_result(chosen.value)
    elseif chosen.channel == events then
      on_event(chosen.value)
    end
  until chosen.channel == jobs or not path or running == 0
  return running > 0
end

for _ = 1, COUNTERS do
  local pid, err = process.spawn_monitored("app.counter:count", HOST, jobs, results)
  if pid then
    running = running + 1
  else
    complain("cannot start a counter", err)
  end
end

local volume = assert(fs.get("app:root"))

local function join(folder, name)
  return folder:sub(-1) == "/" and folder .. name or folder .. "/" .. name
end

-- Pushes the entries of `folder` so that they are popped in order of name.
local function expand(folder, stack)
  local next_entry, state = volume:readdir(folder)
  if not next_entry then return complain(folder, state) end
  local entries = {}
  for entry in next_entry, state do
    table.insert(entries, { path = join(folder, entry.name), enter = entry.type == fs.type.DIR })
  end
  for i = #entries, 1, -1 do stack[#stack + 1] = entries[i] end
end

for i = 1, paths.n do
  local info, err = volume:stat(paths[i])
  local stack = {}
  if info then
    stack[1] = { path = paths[i], enter = info.is_dir }
  else
    complain(paths[i], err)
  end
  while #stack > 0 do
    local item = table.remove(stack)
    if item.enter then
      expand(item.path, stack)
    elseif not step(item.path) then
      complain(item.path, "no counter is left")
    end
  end
end

jobs:close()
while step() do end

-- A word of a binary file must not play with the terminal.
local function printable(word)
  if #word > 60 then word = word:sub(1, 57) .. "..." end
  return (word:gsub("%c", function(c) return ("\\x%02X"):format(c:byte()) end))
end

local words = {}
for word in pairs(frequency) do words[#words + 1] = word end
table.sort(words, function(a, b)
  local m, n = frequency[a], frequency[b]
  if m ~= n then return m > n end
  return a < b
end)
for i = 1, math.min(SHOWN, #words) do
  print(("%8d %s"):format(frequency[words[i]], printable(words[i])))
end

table.sort(took_part)
print(("%d files, %d lines, %d words, %d bytes"):format(totals.files, totals.lines, totals.words, totals.bytes))
print(("%d processes took part (files each: %s)"):format(#took_part, table.concat(took_part, " ")))
if failed then os.exit(1) end
