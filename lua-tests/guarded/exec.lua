-- Permissions of the module `exec`: what is refused, and what is not.
return function()
  local exec = require("exec")
  local function refused(name, value, err)
    assert(value == nil and errors.is(err, errors.PERMISSION_DENIED), tostring(err))
    assert(err:message():find("^not allowed") and err:message():find(name, 1, true), err:message())
  end
  refused("app:refused", exec.get("app:refused"))
  local executor = assert(exec.get("app:programs"))
  refused("echo refused", executor:exec("echo refused"))
  local program = assert(executor:exec("true"))
  assert(program:start() and program:wait() == 0)
end
