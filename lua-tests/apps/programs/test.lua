local function output(executor, command, options)
  local program = assert(executor:exec(command, options))
  local stdout = program:stdout_stream()
  assert(program:start())
  local parts = {}
  for part in function() return (stdout:read()) end do parts[#parts + 1] = part end
  assert(program:wait() == 0)
  return table.concat(parts)
end

return { main = function()
  local programs = assert(exec.get("app:programs"))
  assert(output(programs, "ls") == "here.txt\n")
  assert(output(programs, 'printf "%s" x') == "x")
  local environment = output(programs, "env", { env = { TWO = "2", THREE = 3 } })
  for _, line in ipairs { "ONE=1\n", "TWO=2\n", "THREE=3\n" } do assert(environment:find(line, 1, true), environment) end
  -- The whole line counts.
  for _, command in ipairs { "ls -l", "ls ", "echo x", "printf '%s' x" } do
    local nothing, err = programs:exec(command)
    assert(nothing == nil and errors.is(err, errors.PERMISSION_DENIED) and err:message():find("^not allowed"))
  end
  assert(output(assert(exec.get("app:free")), "echo x") == "x\n")
  for id, kind in pairs { ["app:none"] = errors.NOT_FOUND, ["app:test"] = errors.INVALID, [""] = errors.INVALID } do
    local nothing, err = exec.get(id)
    assert(nothing == nil and errors.is(err, kind), tostring(err))
  end
end }
