local test = {}
local data = assert(store.get("app:data"))

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

-- What the handler has noted, when it has been called so often.
local function noted(key, count)
  while true do
    local note = data:get(key)
    if note and note.count >= count then return note end
    time.sleep("1ms")
  end
end

local function settled(id)
  while assert(queue.info(id)).message_count > 0 do time.sleep("1ms") end
end

function test.messages_are_handled()
  assert(queue.publish("app:jobs", {key = "plain", list = {1, 2}}, {from = "test", n = 1, yes = true}) == true)
  local note = noted("plain", 1)
  assert(#note.id == 36 and note.from == "test" and note.none == nil)
  assert(note.h_from == "test" and note.h_n == 1 and note.h_yes == true)
  settled("app:jobs")
  assert(data:get("plain").count == 1)
end

function test.settling_early()
  assert(queue.publish("app:jobs", {key = "ack", what = "ack"}))
  assert(noted("ack", 1).again == errors.INVALID)
  assert(queue.publish("app:jobs", {key = "nack once", what = "nack once"}))
  local first = noted("nack once", 2)
  settled("app:jobs")
  assert(data:get("nack once").count == 2 and data:get("ack").count == 1 and #first.id == 36)
  assert(queue.publish("app:early", {key = "auto", what = "auto"}))
  assert(noted("auto", 1).again == errors.INVALID)
end

-- Three deliveries, and a fourth as a dead letter.
function test.dead_letters()
  for _, what in ipairs { "fail", "refuse" } do
    assert(queue.publish("app:jobs", {key = what, what = what}))
    noted(what, 4)
    settled("app:jobs")
  end
end

-- How many messages a consumer has at a time that are not settled.
function test.prefetching()
  local function publish(queue_id, group, count, early)
    for i = 1, count do assert(queue.publish(queue_id, {group = group, key = group .. i, early = early})) end
  end
  local function wait_for(key) while not data:has(key) do time.sleep("1ms") end end
  local function info(id) return assert(queue.info(id)) end

  -- Three workers, but one message.
  publish("app:narrow", "n", 3)
  wait_for("n1.begun")
  assert(info("app:narrow").message_count == 3 and info("app:narrow").ready == 2)
  assert(not data:has("n2.begun") and not data:has("n3.begun"))
  assert(data:set("n.go", true))
  for i = 1, 3 do wait_for("n" .. i .. ".done") end
  settled("app:narrow")

  -- What is settled early makes room for another, and all workers have something to do.
  publish("app:narrow", "e", 3, true)
  for i = 1, 3 do wait_for("e" .. i .. ".begun") end
  assert(data:set("e.go", true))
  for i = 1, 3 do wait_for("e" .. i .. ".done") end
  settled("app:narrow")

  -- One worker, but four messages, of which three wait for it.
  publish("app:wide", "w", 6)
  wait_for("w1.begun")
  while info("app:wide").ready > 2 do time.sleep("1ms") end
  assert(info("app:wide").message_count == 6 and info("app:wide").ready == 2 and not data:has("w2.begun"))
  assert(data:set("w.go", true))
  for i = 1, 6 do wait_for("w" .. i .. ".done") end
  settled("app:wide")
end

function test.full_queues_and_names()
  assert(queue.publish("app:idle", 1) and queue.publish("app:same", "two"))
  local info = assert(queue.info("app:idle"))
  assert(info.message_count == 2 and info.ready == 2 and info.consumer_count == 0)
  assert(assert(queue.info("app:same")).ready == 2)
  assert(assert(queue.info("app:jobs")).consumer_count == 1)
  local nothing, err = queue.publish("app:idle", 3)
  assert(nothing == nil and errors.is(err, errors.UNAVAILABLE) and err:retryable() == true)
end

function test.misuse()
  refused(errors.INVALID, "nothing to publish", queue.publish("app:jobs", {}))
  refused(errors.INVALID, "nothing to publish", queue.publish("app:jobs", nil))
  refused(errors.INVALID, "plain data", queue.publish("app:jobs", {print}))
  refused(errors.INVALID, "header a", queue.publish("app:jobs", 1, {a = {}}))
  refused(errors.INVALID, "headers must be strings", queue.publish("app:jobs", 1, {"a"}))
  refused(errors.NOT_FOUND, "app:none", queue.publish("app:none", 1))
  refused(errors.INVALID, "app:data is a store.memory", queue.publish("app:data", 1))
  refused(errors.INVALID, "empty id", queue.publish("", 1))
  refused(errors.INTERNAL, "unknown queue app:none", queue.info("app:none"))
  refused(errors.INVALID, "not in the handler", queue.message())
  assert(not pcall(queue.publish) and not pcall(queue.publish, "app:jobs", 1, 2) and not pcall(queue.info))
end

function test.permissions()
  local executor = funcs.new():with_actor(security.new_actor("a"))
  executor = executor:with_scope(assert(security.named_scope("app:nobody")))
  assert(errors.is(select(2, executor:call("app:publisher", "app:early", {key = "x"})), errors.PERMISSION_DENIED))
end

return { main = function()
  for name, run in pairs(test) do
    local ok, err = xpcall(run, function(err) return name .. ": " .. tostring(err) end)
    if not ok then error(err, 0) end
  end
end }
