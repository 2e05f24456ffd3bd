-- The process of a connection whose handler has handed it over: what the client sends goes to a process, what is sent to
-- this one goes to the client. It ends with the connection, and the connection with it.

local connection, kind, options = ...
local me = process.pid()
local target, topic = options.target_pid, options.message_topic or kind .. ".message"
local heartbeat, idle, hard = options.heartbeat_interval or "30s", options.idle_timeout, options.hard_timeout
local started, received, sent = os.time(), 0, 0

-- Closes a connection on which nothing was sent for so long; at the latest when that time has passed twice.
local function watch_idleness()
  while true do
    local before = sent
    connection:wait(idle)
    if sent == before then connection:close(1000, "nothing was sent for too long") end
  end
end

-- Tells the target something about this connection.
local function tell(what, fields)
  if not target then return end
  fields = fields or {}
  fields.client_pid, fields.metadata = me, options.metadata
  process.send(target, kind .. "." .. what, fields)
end

local function attach(new)
  target = new and (process.registry.lookup(new) or new)
  if not target then return end
  if not process.monitor(target) then
    target = nil
    connection:close(1011, "there is nobody to talk to")
    return
  end
  tell("join")
end

local function detach()
  if not target then return end
  tell("leave")
  process.unmonitor(target)
  target = nil
end

local function control(change)
  if type(change) ~= "table" then return end
  topic = change.message_topic or topic
  heartbeat = change.heartbeat_interval or heartbeat
  if change.idle_timeout then
    if not idle then coroutine.spawn(watch_idleness) end
    idle = change.idle_timeout
  end
  if change.metadata ~= nil then options.metadata = change.metadata end
  if change.target_pid and change.target_pid ~= target then
    detach()
    attach(change.target_pid)
  end
end

-- The value of a message, or the list of its values.
local function content(message)
  local payload = message:payload()
  if type(payload) ~= "table" then return payload and payload:data() end
  local values = {}
  for i, value in ipairs(payload) do values[i] = value:data() end
  return values
end

local inbox, events = process.inbox(), process.events()

coroutine.spawn(function()
  while true do
    local message = inbox:receive()
    local what, value = message:topic(), content(message)
    if what == kind .. ".close" then
      connection:close(1000, type(value) == "string" and value or "")
    elseif what == kind .. ".control" then
      control(value)
    else
      sent = sent + 1
      local ok, err = connection:send(what, value)
      if not ok and errors.is(err, errors.INVALID) then print(("message %q was not sent: %s"):format(what, err:message())) end
    end
  end
end)

coroutine.spawn(function()
  while true do
    local event = events:receive()
    if event.kind == process.event.CANCEL then
      connection:close(1001, event.reason)
    elseif event.kind == process.event.EXIT and event.from == target then
      target = nil
      connection:close(1000, "the other side has ended")
    end
  end
end)

coroutine.spawn(function()
  while connection:wait(heartbeat) do
    connection:ping()
    tell("heartbeat", { uptime = os.time() - started, message_count = received })
  end
end)

if hard then
  coroutine.spawn(function()
    connection:wait(hard)
    connection:close(1000, "the time is over")
  end)
end

if idle then coroutine.spawn(watch_idleness) end

attach(target)
if not target and kind == "sse" and not options.target_pid then connection:send("ready", { stream_pid = me }) end

while true do
  local data = connection:receive()
  if not data then break end
  received = received + 1
  if target then process.send(target, topic, data) end
end
detach()
