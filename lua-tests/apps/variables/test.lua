local function refused(kind, part, value, err)
  assert(value == nil and errors.is(err, kind) and err:message():find(part, 1, true), tostring(err))
end

return { main = function()
  -- By name and by id; what was set first, then what the definitions say.
  assert(env.get("COLOR") == "red" and env.get("app:color") == "red" and env.get("COUNT") == "3")
  assert(tonumber(env.get("FREE_PORT")) and #env.get("PATH") > 0)
  assert(env.get("LEVEL") == "7" and env.get("LOCKED") == "yes")
  refused(errors.NOT_FOUND, "LATE", env.get("LATE"))
  refused(errors.NOT_FOUND, "HOME", env.get("HOME"))
  refused(errors.NOT_FOUND, "app:none", env.get("app:none"))
  refused(errors.NOT_FOUND, "app:memory", env.get("app:memory"))
  refused(errors.INVALID, "empty", env.get(""))
  refused(errors.INVALID, "letters", env.get("a b"))

  -- The first storage of a router is the one that is written.
  assert(env.set("COLOR", "blue") == true and env.get("app:color") == "blue")
  assert(env.set("app:late", "now") == true and env.get("LATE") == "now")
  assert(env.set("LEVEL", "a\nb") and env.get("LEVEL") == "a\nb")
  refused(errors.PERMISSION_DENIED, "COUNT is read-only", env.set("COUNT", "4"))
  refused(errors.PERMISSION_DENIED, "BOTH is read-only", env.set("BOTH", "x"))
  refused(errors.PERMISSION_DENIED, "PATH is read-only", env.set("PATH", "x"))
  refused(errors.PERMISSION_DENIED, "LOCKED is read-only", env.set("LOCKED", "no"))
  refused(errors.NOT_FOUND, "NEW", env.set("NEW", "x"))
  refused(errors.INVALID, "empty", env.set("", "x"))
  assert(env.get("COUNT") == "3" and env.get("BOTH") == "fixed" and env.get("LOCKED") == "yes")

  local all = assert(env.get_all())
  assert(all.COLOR == "blue" and all.COUNT == "3" and all.LATE == "now" and all.LOCKED == "yes" and all.PATH == env.get("PATH"))
  assert(all.HOME == nil and all.NEW == nil)
end }
