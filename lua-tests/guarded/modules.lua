-- Permissions of modules about the machine where the runtime has a guard; `apps/permissions` has all that processes with a
-- scope, or without one, may not do.
return function()
  local env, fs, system, store = require("env"), require("fs"), require("system"), require("store")

  local function refused(action, name, first, value, err)
    assert(value == first and errors.is(err, errors.PERMISSION_DENIED), tostring(err))
    assert(err:message() == ("not allowed: %s (%s)"):format(name, action), err:message())
    assert(err:retryable() == false)
  end

  refused("env.get", "refused", nil, env.get("refused"))
  refused("env.set", "refused", nil, env.set("refused", "x"))
  assert(env.set("allowed", "x") and env.get_all().allowed == "x" and env.get_all().refused == nil)
  refused("fs.get", "app:refused", nil, fs.get("app:refused"))
  assert(fs.get("app:files"))
  refused("system.lock", "refused", false, system.lock.acquire("refused"))
  refused("system.lock", "refused", false, system.lock.release("refused"))
  assert(system.lock.acquire("allowed") and system.lock.release("allowed"))
  refused("store.get", "app:refused", nil, store.get("app:refused"))
end
