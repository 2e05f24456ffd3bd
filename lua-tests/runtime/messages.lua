-- Mailbox, topics, ordering. Runtime specification §1.7, §1.8, §2.2, §2.9.

local time = require("time")
local HOST = "app:processes"
local WORKER = "app.support.messages_workers:"
local me = process.pid()

local function receive(ch, what)
  local guard = time.after("20s")
  local r = channel.select { ch:case_receive(), guard:case_receive() }
  assert(r.channel == ch, "nothing arrived: " .. tostring(what))
  return r.value, r.ok
end

-- send: results and errors.
do
  local ok, err = process.send(me)
  assert(not ok and err:kind() == errors.INVALID and
    err:message() == "send requires at least destination and topic arguments", tostring(err))
  ok, err = process.send(me, "@reserved", 1)
  assert(not ok and err:kind() == errors.INVALID and err:message() == "cannot send to @ topics", tostring(err))
  ok, err = process.send("nobody here", "t", 1)
  assert(not ok and err:kind() == errors.NOT_FOUND and
    err:message() == "could not resolve 'nobody here' as PID or registered name", tostring(err))
  local events = process.events()
  local dead = assert(process.spawn_monitored(function() end, HOST))
  assert(receive(events, "exit").from == dead)
  ok, err = process.send(dead, "t", 1)
  assert(not ok and err:kind() == errors.NOT_FOUND and err:message():find("not found"), tostring(err))
  assert(not pcall(process.send, nil, "t", 1), "a nil destination raises")
end

-- Messages to oneself; payload counts.
do
  local t = process.listen("self")
  assert(process.send(me, "self") == true)
  local value, ok = receive(t, "empty")
  assert(value == nil and ok == true, "no payload is nil")
  process.send(me, "self", "one")
  assert(receive(t) == "one", "one value is itself")
  process.send(me, "self", 1, nil, "three")
  value = receive(t)
  assert(type(value) == "table" and value[1] == 1 and value[2] == nil and value[3] == "three", "several are an array")
  process.send(me, "self", nil)
  value, ok = receive(t)
  assert(value == nil and ok == true)
  process.send(me, "self", false)
  assert(receive(t) == false)
  assert(process.unlisten(t) == true)
end

-- The inbox: Message objects.
do
  local inbox = process.inbox()
  process.send(me, "greeting", { text = "hi" })
  local message = receive(inbox)
  assert(type(message) == "userdata" and message:topic() == "greeting" and message:from() == me, "topic and sender")
  assert(message:payload():data().text == "hi", "payload")
  assert(tostring(message) == "process.Message{topic=greeting}", tostring(message))
  process.send(me, "inbox", 1)
  assert(receive(inbox):topic() == "inbox", "the word inbox is an ordinary topic")
  process.send(me, "none")
  message = receive(inbox)
  assert(message:topic() == "none")
  process.send(me, "several", 1, "two")
  local payloads = receive(inbox):payload()
  assert(type(payloads) == "table" and payloads[1]:data() == 1 and payloads[2]:data() == "two", "array of payloads")
end

-- A destination is its text, also after the string that found it before is gone. Nothing else here holds the PIDs, which
-- are kept backwards: so each send makes them anew, perhaps in the place of the other one.
do
  local inbox = process.inbox()
  local backwards = {}
  for i = 1, 2 do backwards[i] = assert(process.spawn(WORKER .. "echo", HOST)):reverse() end
  for i = 1, 60 do
    local which = i // 3 % 2 + 1
    process.send(backwards[which]:reverse(), "which", which)
    collectgarbage()
    local answer = receive(inbox, "the echo")
    assert(answer:from():reverse() == backwards[which] and answer:payload():data() == which, "sent to another")
  end
  for i = 1, 2 do process.send(backwards[i]:reverse(), "stop") end
end

-- Listeners take their topic away from the inbox, exactly.
do
  local inbox, exact = process.inbox(), process.listen("exact")
  assert(process.listen("exact") == exact, "same channel for the same topic")
  process.send(me, "exact", 1)
  process.send(me, "exactly", 2)
  process.send(me, "Exact", 3)
  assert(receive(inbox):payload():data() == 2 and receive(inbox):payload():data() == 3 and receive(exact) == 1)
  assert(process.unlisten(exact) == true)
  local v, ok = exact:receive()
  assert(v == nil and ok == false, "unlisten closes the channel")
  process.send(me, "exact", 4)
  assert(receive(inbox):payload():data() == 4, "the topic goes to the inbox again")
  local again = process.listen("exact")
  assert(again ~= exact, "listening again gives a new channel")
  process.send(me, "exact", 5)
  assert(receive(again) == 5)
  process.unlisten(again)
  local ok2, err = process.unlisten(channel.new())
  assert(ok2 == false and err:kind() == errors.NOT_FOUND, "only subscriptions can be unlistened")
  local ch, err2 = process.listen("")
  assert(ch == nil and err2:kind() == errors.INVALID, "empty topic")
  ch, err2 = process.listen("@system")
  assert(ch == nil and err2:kind() == errors.INVALID, "reserved topic")
end

-- What a listener has left over comes to the inbox in its place.
do
  local inbox, t = process.inbox(), process.listen("left over")
  for i = 1, 6 do process.send(me, i % 2 == 0 and "left over" or "other", i) end
  assert(receive(inbox):payload():data() == 1)
  process.unlisten(t)
  for i = 2, 6 do assert(receive(inbox):payload():data() == i, "arrival order") end
end

-- A subscription whose channel is closed by hand ends with the next delivery, which is dropped.
do
  local t = process.listen("closed")
  t:close()
  assert(select(2, t:receive()) == false and process.listen("closed") == t, "no delivery yet")
  process.send(me, "closed", "dropped")
  time.sleep("1ms")
  local again = process.listen("closed")
  assert(again ~= t and channel.select { again:case_receive(), default = true }.default)
  process.send(me, "closed", "kept")
  assert(receive(again) == "kept")
  process.unlisten(again)
end

-- Message mode.
do
  local t = process.listen("mode", { message = true })
  process.send(me, "mode", "v")
  local m = receive(t)
  assert(m:topic() == "mode" and m:from() == me and m:payload():data() == "v")
  process.unlisten(t)
  local raw = process.listen("switch")
  process.send(me, "switch", 1)
  assert(receive(raw) == 1)
  assert(process.listen("switch", { message = true }) == raw, "the existing subscription changes its mode")
  process.send(me, "switch", 2)
  assert(receive(raw):payload():data() == 2)
  process.unlisten(raw)
end

-- Messages are retained until somebody subscribes; a retained message does not hold up others.
do
  local seen = process.listen("seen")
  local pid = assert(process.spawn(WORKER .. "late", HOST, me, 5))
  for i = 1, 5 do
    process.send(pid, "topic" .. i, i)
    if i == 3 then process.send(pid, "other", "for the listener") end
  end
  process.send(pid, "go")
  local result = receive(seen, "late opener")
  assert(table.concat(result[1], ",") == "1,2,3,4,5", "arrival order is kept")
  assert(result[2] == "for the listener", "retained messages find a listener opened before the inbox")
  process.unlisten(seen)
end

-- Polling with default sees what is in the mailbox.
do
  local inbox = process.inbox()
  local r = channel.select { inbox:case_receive(), default = true }
  assert(r.default == true, "empty")
  process.send(me, "poll", "x")
  r = channel.select { inbox:case_receive(), default = true }
  assert(not r.default and r.value:payload():data() == "x", "a deliverable message counts as ready")
  local t = process.listen("poll")
  process.send(me, "poll", 1)
  process.send(me, "poll", 2)
  process.send(me, "poll", 3)
  for i = 1, 3 do
    r = channel.select { t:case_receive(), default = true }
    assert(r.value == i, "overflow of the one-slot buffer waits in the mailbox")
  end
  process.unlisten(t)
end

-- Order per sender, across topics that share a channel; several senders interleave but keep their own order.
do
  local inbox = process.inbox()
  local senders, each = 4, 100
  for id = 1, senders do assert(process.spawn(WORKER .. "burst", HOST, me, { "a", "b", "c" }, each, id)) end
  local last = {}
  for _ = 1, senders * each do
    local d = receive(inbox, "burst"):payload():data()
    assert(d.i == (last[d.id] or 0) + 1, "sender " .. d.id .. ": message " .. d.i .. " after " .. tostring(last[d.id]))
    last[d.id] = d.i
  end
  for id = 1, senders do assert(last[id] == each) end
end

-- Request and reply.
do
  local echo = assert(process.spawn(WORKER .. "echo", HOST))
  local reply = process.listen("ping")
  for i = 1, 100 do
    process.send(echo, "ping", i)
    assert(receive(reply, "pong") == i)
  end
  process.send(echo, "stop")
  process.unlisten(reply)
end

-- A burst far larger than any buffer.
do
  local bulk = process.listen("bulk")
  for i = 1, 2000 do process.send(me, "bulk", i) end
  for i = 1, 2000 do assert(receive(bulk, i) == i) end
  process.unlisten(bulk)
end
