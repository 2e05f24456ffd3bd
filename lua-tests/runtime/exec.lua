-- process.exec. Runtime specification §2.10.

local guard = require("support.guard")
local run, refused, HOST = guard.run, guard.refused, guard.HOST

local value, err = process.exec(function(a, b) return { sum = a + b } end, HOST, 1, 2)
assert(value.sum == 3 and err == nil)
value, err = process.exec("app.support.process_workers:returns", HOST, "value")
assert(value.answer == 42 and err == nil)
assert(select("#", process.exec(function() end, HOST)) == 2)

value, err = process.exec("app.support.process_workers:returns", HOST, "object")
assert(value == nil and err:kind() == errors.NOT_FOUND and err:message() == "gone" and err:details().id == 7)
value, err = process.exec(function() error("boom", 0) end, HOST)
assert(value == nil and err:message() == "boom" and err:kind() == errors.INTERNAL)
value, err = process.exec(function() process.terminate(process.pid()) end, HOST)
assert(value == nil and err:message() == "process terminated")

refused(errors.INVALID, "requires", process.exec())
refused(errors.INVALID, "requires", process.exec("app.support.process_workers:main"))
refused(errors.INVALID, "requires", process.exec("app.support.process_workers:main", ""))
refused(errors.INVALID, "namespace:name", process.exec("no namespace", HOST))
refused(errors.NOT_FOUND, "factory not found", process.exec("app.support.nowhere:main", HOST))

-- Only the calling coroutine waits; several wait at once; inside plain coroutines and pcall too.
do
  local order = channel.new(10)
  local gate = channel.new()
  coroutine.spawn(function()
    order:send(process.exec(function(gate) return (gate:receive()) end, HOST, gate))
  end)
  coroutine.spawn(function() order:send(process.exec(function() return "quick" end, HOST)) end)
  assert(order:receive() == "quick")
  gate:send("slow")
  assert(order:receive() == "slow")
  local wrapped = coroutine.wrap(function()
    coroutine.yield((process.exec(function() return 1 end, HOST)))
    local ok, two = pcall(process.exec, function() return 2 end, HOST)
    return ok and two
  end)
  assert(wrapped() == 1 and wrapped() == 2)
end

-- The child outlives a caller that ends first.
do
  local done = process.listen("done")
  run(function(me, HOST)
    coroutine.spawn(function()
      process.exec(function(me)
        process.inbox():receive()
        process.send(me, "done", "still here")
      end, HOST, me)
    end)
    process.send(me, "done", "caller ends")
  end, process.pid(), HOST)
  assert(guard.receive(done, "caller") == "caller ends")
end
