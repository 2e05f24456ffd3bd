local test = {}

function test.calls()
  local result = assert(funcs.call("app:echo", 1, nil, {2}, nil))
  assert(result.n == 4 and result[1] == 1 and result[3][1] == 2)
  local nothing, err = funcs.call("app:fails", "raise")
  assert(nothing == nil and errors.is(err, errors.INTERNAL) and err:message() == "app:fails:2: raised")
  _, err = funcs.call("app:fails", "text")
  assert(err:message() == "as text" and errors.is(err, errors.INTERNAL) and err:retryable() == false)
  _, err = funcs.call("app:fails", "object")
  assert(errors.is(err, errors.CONFLICT) and err:retryable() == true and err:details().a == 1)
end

function test.wrong_targets()
  for target, expected in pairs {
    [""] = "function ID required",
    ["echo"] = "namespace required in function ID",
    [":echo"] = "namespace required in function ID",
    ["app:"] = "name required in function ID",
  } do
    for _, call in ipairs { funcs.call, funcs.async } do
      local nothing, err = call(target)
      assert(nothing == nil and errors.is(err, errors.INVALID) and err:message() == expected, target)
    end
  end
  for _, target in ipairs { "app:nowhere", "app:host", "app:hostless" } do
    local nothing, err = funcs.call(target)
    assert(nothing == nil and errors.is(err, errors.NOT_FOUND), target)
    assert(err:message() == "no handler registered for target" and err:details().target == target)
  end
  local _, err = funcs.call()
  assert(errors.is(err, errors.INVALID))
end

function test.processes_with_a_host()
  assert(funcs.call("app:process", 21) == 42)
end

function test.futures()
  local future = assert(funcs.async("app:echo", "x"))
  assert(future:response() == future:channel())
  local payload, ok = future:channel():receive()
  assert(ok and payload:data()[1] == "x")
  assert(select(2, future:channel():receive()) == false)
  assert(future:is_complete() and not future:is_canceled())
  assert(future:result():data()[1] == "x" and select(2, future:result()) == nil)
  local err, failed = future:error()
  assert(err == nil and failed == false)

  future = assert(funcs.async("app:fails", "object"))
  local value
  value, ok = future:channel():receive()
  assert(ok and errors.is(value, errors.CONFLICT))
  err, failed = future:error()
  assert(failed and errors.is(err, errors.CONFLICT))
  assert(errors.is(select(2, future:result()), errors.CONFLICT))
end

function test.pending_and_cancelled()
  local future = assert(funcs.async("app:waits", process.pid()))
  local inbox = process.inbox()
  assert(inbox:receive():topic() == "waits")
  assert(not future:is_complete() and future:result() == nil and select(2, future:result()) == nil)
  assert(future:cancel() and future:is_canceled())
  assert(select(2, future:channel():receive()) == false)
  local value, err = future:result()
  assert(value == nil and errors.is(err, errors.CANCELED) and err:message() == "canceled")
  local asked = inbox:receive()
  local kind, reason = asked:payload()[1]:data(), asked:payload()[2]:data()
  assert(kind == process.event.CANCEL and reason == "caller context canceled")
end

function test.futures_in_a_select()
  local slow, quick = assert(funcs.async("app:never", "slow one")), assert(funcs.async("app:echo"))
  local chosen = channel.select { slow:channel():case_receive(), quick:channel():case_receive() }
  assert(chosen.channel == quick:channel() and chosen.ok)
  slow:cancel()
end

-- A function that does not listen to its events is ended when nobody wants its result any more.
function test.callee_ends_with_its_caller()
  local pid = assert(process.spawn_monitored("app:caller", "app:host", "app:never", "callee"))
  while not process.registry.lookup("callee") do time.sleep("1ms") end
  assert(process.monitor("callee"))
  assert(process.terminate(pid))
  local ended = {}
  for _ = 1, 2 do
    local event = process.events():receive()
    ended[event.from == pid and "caller" or "callee"] = event.result.error
  end
  assert(ended.caller:message() == "process terminated")
  assert(errors.is(ended.callee, errors.CANCELED) and ended.callee:message() == "caller context canceled")
end

function test.contexts()
  assert(next(assert(ctx.all())) == nil)
  local executor = funcs.new():with_context{a = 1, b = "outer"}
  local seen = assert(executor:call("app:ctx"))
  assert(seen.a == 1 and seen.b == "outer" and seen.c == nil)
  seen = assert(executor:call("app:ctx", true))
  assert(seen.a == 1 and seen.b == "inner" and seen.c[1] == 1 and seen.c.x == 2)
  assert(next(assert(funcs.new():call("app:ctx"))) == nil)
  local future = assert(executor:with_options{timeout = "10s"}:with_context{a = 2}:async("app:ctx"))
  assert(future:channel():receive():data().a == 2)
  assert(not pcall(executor.with_context, executor, {1}))
end

function test.timeouts()
  local patient, hasty = funcs.new():with_options{timeout = "1h"}, funcs.new():with_options{timeout = 5}
  assert(patient:call("app:echo", 1)[1] == 1)
  local value, err = hasty:call("app:never", "hasty")
  assert(value == nil and errors.is(err, errors.TIMEOUT) and err:retryable() == true)
  -- The callee is ended, and does not keep its name.
  while process.registry.lookup("hasty") do time.sleep("1ms") end
  local future = assert(hasty:async("app:never", "hasty too"))
  local received, ok = future:channel():receive()
  assert(ok and errors.is(received, errors.TIMEOUT) and future:is_complete() and not future:is_canceled())
  assert(errors.is(select(2, future:result()), errors.TIMEOUT))
  assert(hasty:with_options{}:call("app:echo", 2)[1] == 2)
  for _, wrong in ipairs { -1, "soon", {} } do
    assert(not pcall(hasty.with_options, hasty, {timeout = wrong}))
  end
end

function test.inline_is_serial()
  local futures = {}
  for i = 1, 10 do futures[i] = assert(funcs.async("app:serial")) end
  for i = 1, 10 do
    local payload = futures[i]:channel():receive()
    assert(payload:data() == 1)
  end
end

function test.many_calls()
  local futures = {}
  for i = 1, 100 do futures[i] = assert(funcs.async("app:echo", i)) end
  for i = 1, 100 do assert(futures[i]:channel():receive():data()[1] == i) end
end

return { main = function()
  for name, run in pairs(test) do
    local ok, err = xpcall(run, function(err) return name .. ": " .. tostring(err) end)
    if not ok then error(err, 0) end
  end
end }
