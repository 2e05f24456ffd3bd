-- The event bus. Runtime specification §6.5.

local guard = require("support.guard")
local receive, refused, raises, HOST = guard.receive, guard.refused, guard.raises, guard.HOST
local events = require("events")

local function empty(ch) return channel.select { ch:case_receive(), default = true }.default end

-- subscribe and send: the fields of an event
do
  local sub, err = events.subscribe("orders")
  assert(type(sub) == "userdata" and err == nil and sub:channel() == sub:channel())
  local ok, err = events.send("orders", "created", "/orders/1", { total = 5 })
  assert(ok == true and err == nil)
  assert(events.send("orders", "removed", "/orders/2"))
  local event = receive(sub:channel(), "created")
  assert(event.system == "orders" and event.kind == "created" and event.path == "/orders/1" and event.data.total == 5)
  event = receive(sub:channel(), "removed")
  local fields = 0
  for _ in pairs(event) do fields = fields + 1 end
  assert(event.kind == "removed" and event.data == nil and fields == 3, "no data, no key")
  assert(sub:close() == true and sub:close() == true)
  local v, ok = sub:channel():receive()
  assert(v == nil and ok == false)
  assert(events.send("orders", "created", "/"), "nobody listens")
end

-- patterns of both
do
  local all = events.subscribe("*")
  local prefix = events.subscribe("a.*", "x*")
  local exact = events.subscribe("a.b", "xy")
  for _, system in ipairs { "a.b", "a.c", "b" } do
    for _, kind in ipairs { "xy", "xz", "y" } do events.send(system, kind, "/") end
  end
  local function names(sub)
    local list = {}
    while true do
      local r = channel.select { sub:channel():case_receive(), default = true }
      if r.default then return table.concat(list, " ") end
      list[#list + 1] = r.value.system .. ":" .. r.value.kind
    end
  end
  assert(names(all) == "a.b:xy a.b:xz a.b:y a.c:xy a.c:xz a.c:y b:xy b:xz b:y")
  assert(names(prefix) == "a.b:xy a.b:xz a.c:xy a.c:xz")
  assert(names(exact) == "a.b:xy")
  for _, sub in ipairs { all, prefix, exact } do sub:close() end
end

-- errors
refused(errors.INVALID, "system pattern is required", events.subscribe())
refused(errors.INVALID, "system pattern is required", events.subscribe(""))
refused(errors.INVALID, "system", events.send())
refused(errors.INVALID, "kind", events.send("a"))
refused(errors.INVALID, "kind", events.send("a", "", "c"))
refused(errors.INVALID, "path", events.send("a", "b", ""))
raises("bad argument", events.send, {}, "b", "c")
raises("bad argument", events.subscribe, {})

-- Events of other processes, a copy for each; not to the inbox; in the order of each publisher.
do
  local inbox = process.inbox()
  local one, two = events.subscribe("shop"), events.subscribe("shop")
  for _ = 1, 3 do
    process.spawn(function()
      for i = 1, 100 do require("events").send("shop", "sold", process.pid(), { n = i }) end
    end, HOST)
  end
  local last = {}
  for _ = 1, 300 do
    local event = receive(one:channel(), "event")
    last[event.path] = (last[event.path] or 0) + 1
    assert(event.data.n == last[event.path], "order of a publisher")
  end
  local a = receive(two:channel(), "copy")
  a.data.n = "changed"
  assert(empty(inbox) and empty(one:channel()))
  -- what is in flight is dropped, and does not come up elsewhere
  two:close()
  events.send("shop", "sold", "/")
  assert(receive(one:channel(), "still subscribed").path == "/" and empty(inbox))
  one:close()
  events.send("shop", "sold", "/")
  assert(empty(inbox))
end

-- A process that ends is forgotten; a subscription alone keeps a process waiting.
do
  local pid = assert(process.spawn_monitored(function(me)
    local sub = require("events").subscribe("news")
    process.send(me, "subscribed")
    return sub:channel():receive().data
  end, HOST, process.pid()))
  receive(process.inbox(), "subscribed")
  events.send("news", "k", "/", "hello")
  assert(guard.event(process.event.EXIT, pid).result.value == "hello")
  events.send("news", "k", "/", "nobody there")
end
