-- The module `exec` (modules.md §4.19): in scripts, every id is an executor that runs anything.
local exec, time = require("exec"), require("time")

local function refused(kind, part, value, err)
  assert(not value, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local executor = assert(exec.get("app:programs"))

local function read_all(stream)
  local parts = {}
  while true do
    local part, err = stream:read()
    assert(err == nil, tostring(err))
    if part == nil then return table.concat(parts) end
    parts[#parts + 1] = part
  end
end

-- What a command writes, and how it ends.
local function output(command, options)
  local program = assert(executor:exec(command, options))
  local stdout, stderr = assert(program:stdout_stream()), assert(program:stderr_stream())
  assert(program:start() == true)
  return read_all(stdout), read_all(stderr), program:wait()
end

local function is_gone(pid)
  local status = output("cat /proc/" .. pid .. "/status")
  return status == "" or status:find("State:%s+[ZX]") ~= nil
end

do -- output, exit codes, words
  local out, err, code = output([[printf '%s|%s' 'a b' "c\"d"]])
  assert(out == 'a b|c"d' and err == "" and code == 0)
  out, err, code = output([[sh -c 'echo out; echo err >&2; exit 3']])
  assert(out == "out\n" and err == "err\n" and code == 3)
  assert(select(3, output("sh -c 'kill -9 $$'")) == 137)
  -- Nothing is expanded.
  assert(output([[printf %s $HOME*]]) == "$HOME*")
  -- What nobody asks for is thrown away.
  local program = assert(executor:exec("sh -c 'echo nobody reads this'"))
  assert(program:start() and program:wait() == 0 and program:wait() == 0)
end

do -- environment and folder
  assert(output("/usr/bin/env") == "")
  assert(output("/usr/bin/env", { env = { ONE = "1", TWO = 2 } }):find("ONE=1\n", 1, true))
  assert(output("pwd", { work_dir = "/usr" }) == "/usr\n")
end

do -- input
  local cat = assert(executor:exec("cat"))
  local stdout = cat:stdout_stream()
  refused(errors.INVALID, "not started", cat:write_stdin("early"))
  assert(cat:start() and cat:write_stdin("one\n") == true)
  local scanner = assert(stdout:scanner())
  assert(scanner:scan() and scanner:text() == "one")
  local long = ("x"):rep(300000)
  local written = channel.new(1)
  coroutine.spawn(function() written:send({ cat:write_stdin(long) }) end)
  assert(scanner:scan() == false) -- a token is not that long
  assert(cat:close(true) and cat:wait() == 137)
  refused(errors.INTERNAL, "pipe", table.unpack((written:receive())))
  refused(errors.INVALID, "input is closed", cat:write_stdin("late"))
  local wc = assert(executor:exec("wc -c"))
  stdout = wc:stdout_stream()
  assert(wc:start() and wc:write_stdin(long) and wc:write_stdin("") and wc:write_stdin(""))
  assert(tonumber(read_all(stdout)) == #long and wc:wait() == 0)
end

do -- signals, and the end
  local sleep = assert(executor:exec("sleep 1000"))
  refused(errors.INVALID, "not running", sleep:signal(15))
  refused(errors.INVALID, "not started", sleep:wait())
  assert(sleep:start())
  refused(errors.INVALID, "started already", sleep:start())
  refused(errors.INVALID, "before the start", sleep:stdout_stream())
  refused(errors.INVALID, "before the start", sleep:stderr_stream())
  refused(errors.INVALID, "no signal", sleep:signal(0))
  refused(errors.INVALID, "no signal", sleep:signal(1000))
  assert(sleep:signal(15) == true and sleep:wait() == 143)
  refused(errors.INVALID, "not running", sleep:signal(15))
  assert(sleep:close() and sleep:close(true))
  -- The whole group goes.
  local group = assert(executor:exec([[sh -c 'sleep 1000 & echo $!; wait']]))
  local stdout = group:stdout_stream()
  assert(group:start())
  local scanner = stdout:scanner()
  assert(scanner:scan())
  local child = scanner:text()
  assert(group:close() and group:wait() == 143)
  while not is_gone(child) do time.sleep("5ms") end
  -- Closed before it was started.
  local never = assert(executor:exec("true"))
  stdout = never:stdout_stream()
  assert(stdout == stdout and never:close() == true)
  assert(stdout:read() == nil)
  refused(errors.INVALID, "closed", never:start())
  refused(errors.INVALID, "not started", never:wait())
  refused(errors.INVALID, "not running", never:signal(15))
  refused(errors.INVALID, "input is closed", never:write_stdin("x"))
  refused(errors.INVALID, "before the start", never:stdout_stream())
  refused(errors.INVALID, "before the start", never:stderr_stream())
end

do -- the end of the owner
  local pid = process.spawn_monitored(function(parent)
    local program = require("exec").get("x"):exec("sh -c 'echo $$; sleep 1000'")
    local stdout = program:stdout_stream()
    program:start()
    local scanner = stdout:scanner()
    scanner:scan()
    process.send(parent, "child", scanner:text())
  end, "app:host", process.pid())
  local child = process.inbox():receive():payload():data()
  assert(process.events():receive().kind == process.event.EXIT)
  while not is_gone(child) do time.sleep("5ms") end
end

do -- what does not work
  refused(errors.INVALID, "empty", exec.get(""))
  refused(errors.INVALID, "empty command", executor:exec(""))
  refused(errors.INVALID, "empty command", executor:exec("  "))
  refused(errors.INVALID, "not closed", executor:exec("echo 'open"))
  refused(errors.INVALID, "zero byte", executor:exec("echo \0"))
  refused(errors.INVALID, "work_dir", executor:exec("true", { work_dir = 1 }))
  refused(errors.INVALID, "env", executor:exec("true", { env = { ["A=B"] = "x" } }))
  refused(errors.INVALID, "env", executor:exec("true", { env = { A = { "x", "y" } } }))
  refused(errors.INVALID, "options", executor:exec("true", 1))
  refused(errors.NOT_FOUND, "no-such-program", executor:exec("no-such-program"):start())
  refused(errors.NOT_FOUND, "true", executor:exec("true", { work_dir = "/no/such/folder" }):start())
  refused(errors.PERMISSION_DENIED, "/etc/passwd", executor:exec("/etc/passwd"):start())
  assert(not pcall(exec.get) and not pcall(executor.exec, executor) and not pcall(executor.exec, {}, "true"))
  local other = exec.get("app:other")
  assert(other:release() == true and other:release() == true)
  refused(errors.INVALID, "released", other:exec("true"))
end
