-- subscribe and unsubscribe. Runtime specification §2.9.

local guard = require("support.guard")
local receive, refused, raises, HOST = guard.receive, guard.refused, guard.raises, guard.HOST
local me = process.pid()

for _, capacity in ipairs { 0, 1, 5 } do
  local ch = channel.new(capacity)
  process.send(me, "a", 0)
  local got, err = subscribe("a", ch)
  assert(got == ch and err == nil and subscribe("a", ch) == ch)
  for i = 1, 9 do process.send(me, "a", i) end
  process.send(me, "a", 10, 11)
  for i = 0, 9 do assert(receive(ch, i) == i, "nothing is lost, whatever the buffer") end
  assert(receive(ch, "two")[2] == 11, "several values arrive as an array")
  refused(errors.ALREADY_EXISTS, "another channel", subscribe("a", channel.new()))
  -- values of the program and of the mailbox through one channel
  coroutine.spawn(function() ch:send("own") end)
  assert(receive(ch, "own") == "own")
  local ok, err = unsubscribe(ch)
  assert(ok == true and err == nil)
  process.send(me, "a", "to the inbox")
  assert(process.inbox():receive():payload():data() == "to the inbox")
  local ok, err = unsubscribe(ch)
  assert(ok == false)
  refused(errors.NOT_FOUND, "not subscribed", ok, err)
  coroutine.spawn(function() ch:send("still open") end)
  assert(receive(ch, "still open") == "still open")
end

-- Selects, waiting receivers, a channel shared with another process.
do
  local ch, never = channel.new(), channel.new()
  subscribe("b", ch)
  assert(process.spawn(function(me) process.send(me, "b", "from afar") end, HOST, me))
  local r = channel.select { never:case_receive(), ch:case_receive() }
  assert(r.channel == ch and r.value == "from afar")
  for i = 1, 3 do process.send(me, "b", i) end
  assert(receive(ch, "1") == 1)
  assert(process.exec(function(ch) return (ch:receive()) end, HOST, ch) == 2, "what waits is shared too")
  assert(receive(ch, "3") == 3)
  process.send(me, "b", 4)
  assert(receive(ch, "4") == 4, "goes on after it was shared")
  ch:close()
  process.send(me, "b", "dropped")
  process.send(me, "b", "inbox")
  assert(process.inbox():receive():payload():data() == "inbox", "the delivery after the close ends the subscription")
end

refused(errors.INVALID, "topic", subscribe("", channel.new()))
refused(errors.INVALID, "topic", subscribe("@x", channel.new()))
refused(errors.INVALID, "subscription", subscribe("c", process.listen("d")))
raises("bad argument #1", subscribe, nil, channel.new())
raises("channel expected", subscribe, "x", 1)
raises("channel expected", unsubscribe, {})
