-- Processes with everything a process can have are ended at random, in every way there is, while messages, events and values
-- in a shared channel go to and fro. Who watches them must be told once each, and nothing may be left behind; the figures
-- of the runtime are for the caller to look at. Arguments: seconds to go on for at least, ends to bring about at least, size
-- of the population, seed.
local SECONDS, ENDS, POPULATION, SEED = ...

local time, pg, bus = require("time"), require("pg"), require("events")
local HOST = "app:processes"
local EXIT, LINK_DOWN = process.event.EXIT, process.event.LINK_DOWN
local events, noise = process.events(), channel.new(4)
math.randomseed(SEED)
assert(process.set_options { trap_links = true })

-- What is ended.
local function victim(name, noise, HOST)
  local time, pg, bus = require("time"), require("pg"), require("events")
  local events, inbox, ticks = process.events(), process.inbox(), time.ticker("20ms"):channel()
  assert(process.registry.register(name))
  pg.open("app:victims"):join { "all", "group " .. math.random(10) }
  pg.open("app:victims"):monitor("group 1")
  local news, late = bus.subscribe("noise"):channel(), time.timer("1h"):channel()
  coroutine.spawn(function() time.sleep("1h") end)
  coroutine.spawn(function() while true do noise:receive() end end)
  local apprentice = process.spawn_linked(function(name)
    assert(process.registry.register(name))
    process.inbox():receive()
  end, HOST, name .. ".apprentice")
  local function leave(...)
    process.unlink(apprentice)
    process.terminate(apprentice)
    return ...
  end
  local owed
  while true do
    local r = channel.select {
      events:case_receive(), inbox:case_receive(), ticks:case_receive(), news:case_receive(), late:case_receive(),
      owed and noise:case_send(name),
    }
    owed = r.channel == ticks or owed and r.channel ~= noise
    if r.channel == events then
      return leave(r.value.reason)
    elseif r.channel == inbox then
      local topic, payload = r.value:topic(), r.value:payload()
      if topic == "ball" then
        local data = payload:data()
        if data.throws > 0 then
          data.throws = data.throws - 1
          process.send("victim " .. math.random(data.low, data.high), "ball", data)
        end
      elseif topic == "return" then
        return leave("done")
      elseif topic == "politely" then
        return nil, "politely"
      elseif topic == "raise" then
        error("told to", 0)
      elseif topic == "spin" then
        while true do end
      elseif topic == "panic" then
        broken.panic()
      end
    end
  end
end

-- Watches besides. Whoever could be monitored must be reported once.
local function watcher()
  local events, inbox = process.events(), process.inbox()
  local watched, open, seen, finishing = {}, 0, 0, false
  repeat
    local r = channel.select { inbox:case_receive(), events:case_receive() }
    if r.channel == events then
      local event = r.value
      assert(event.kind == process.event.EXIT and watched[event.from], "an end reported twice, or to somebody else")
      watched[event.from], open, seen = nil, open - 1, seen + 1
    elseif r.value:topic() == "watch" then
      local pid = r.value:payload():data()
      local ok, err = process.monitor(pid)
      assert(ok or err:kind() == errors.NOT_FOUND)
      if ok then watched[pid], open = true, open + 1 end
    else
      finishing = true
    end
  until finishing and open == 0
  return seen
end

local watchers = {}
for i = 1, 3 do watchers[i] = assert(process.spawn_monitored(watcher, HOST)) end
local reports = {}

-- All victims: the living as tables, those that everything is known of as `false`.
local victims, living, number, outstanding = {}, {}, 0, 0
local counts = { ends = 0, exits = 0, downs = 0 }

local function spawn()
  number = number + 1
  local name = "victim " .. number
  local how = ({ "spawn_monitored", "spawn_linked", "spawn_linked_monitored" })[math.random(3)]
  local pid = assert(process[how](victim, HOST, name, noise, HOST))
  local monitored, linked = how:find("monitored"), how:find("linked")
  victims[pid] = { name = name, monitored = monitored, linked = linked, exits = 0, downs = 0 }
  living[#living + 1] = pid
  process.send(watchers[number % #watchers + 1], "watch", pid)
end

local function settle(pid, v)
  if v.exits == 0 and v.downs == 0 then victims[pid] = false end
end

local function note(event)
  local pid, v = event.from, victims[event.from]
  if v == nil then
    assert(event.kind == EXIT, "an event of a stranger")
    reports[pid] = event.result
    return
  end
  assert(v and v.ends, "an event of one that has ended before, or lives: " .. event.kind)
  if event.kind == EXIT then
    assert(v.exits == 1, "EXIT twice, or not asked for")
    assert((event.result.error ~= nil) == v.fails, "the wrong result")
    assert(process.registry.lookup(v.name) == nil, "the name is still there")
    v.exits, counts.exits = 0, counts.exits + 1
  else
    assert(event.kind == LINK_DOWN and v.downs == 1 and event.result.error, "LINK_DOWN twice, or not asked for")
    v.downs, counts.downs = 0, counts.downs + 1
  end
  outstanding = outstanding - 1
  settle(pid, v)
end

-- Waits for an event.
local function wait()
  local guard = time.timer("60s")
  local r = channel.select { events:case_receive(), guard:channel():case_receive() }
  guard:stop()
  assert(r.channel == events, "an event is lost")
  note(r.value)
end

local WAYS = {
  { fails = true, go = process.terminate },
  { fails = false, go = function(pid) process.cancel(pid, "enough") end },
  { fails = false, go = function(pid) process.send(pid, "return") end },
  { fails = true, go = function(pid) process.send(pid, "politely") end },
  { fails = true, go = function(pid) process.send(pid, "raise") end },
  { fails = true, go = function(pid) process.send(pid, "spin") process.terminate(pid) end },
  { fails = true, go = function(pid) process.send(pid, "raise") process.terminate(pid) end },
  {
    -- The failure of another process reaches it through its link.
    fails = true,
    go = function(pid, v) return process.terminate(v.name .. ".apprentice") or process.terminate(pid) end,
  },
  { fails = true, go = function(pid) process.send(pid, "panic") end, rare = true },
}

local function finish_off(at, way)
  local pid = living[at]
  living[at] = living[#living]
  living[#living] = nil
  local v = victims[pid]
  v.ends, v.fails = true, way.fails
  if v.monitored then v.exits = 1 end
  if v.linked and way.fails then v.downs = 1 end
  outstanding = outstanding + v.exits + v.downs
  counts.ends = counts.ends + 1
  way.go(pid, v)
  settle(pid, v)
end

local start = time.now()
for _ = 1, POPULATION do spawn() end
while counts.ends < ENDS or time.now():sub(start):seconds() < SECONDS do
  local way = WAYS[math.random(#WAYS)]
  if not way.rare or math.random(50) == 1 then
    finish_off(math.random(#living), way)
    spawn()
  end
  process.send("victim " .. math.random(number), "ball", { throws = 20, low = math.max(1, number - POPULATION), high = number })
  if counts.ends % 16 == 0 then
    bus.send("noise", "tick", "/")
    pg.open("app:victims"):broadcast("group " .. math.random(10), "ball", { throws = 0 })
  end
  while outstanding > POPULATION // 4 do wait() end
end
while #living > 0 do finish_off(#living, WAYS[1]) end
while outstanding > 0 do wait() end
local seen = 0
for _, pid in ipairs(watchers) do
  process.send(pid, "finish")
  while not reports[pid] do wait() end
  assert(reports[pid].error == nil, reports[pid].error)
  seen = seen + reports[pid].value
end
assert(channel.select { events:case_receive(), default = true }.default, "more events than ends")
return ("%d ends, %d EXIT, %d LINK_DOWN, %d EXIT to others"):format(counts.ends, counts.exits, counts.downs, seen)
