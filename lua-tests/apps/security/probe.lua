-- What a function sees of its actor and scope: the field of `security` that it is asked for, or what it may do.
local probe = {}

function probe.who()
  local actor, scope = security.actor(), security.scope()
  return {actor = actor and actor:id(), meta = actor and actor:meta(), policies = scope and #scope:policies()}
end

function probe.can(...)
  return security.can(...)
end

function probe.nested(name)
  return funcs.call("app:probe", name)
end

function probe.read(key)
  local data, err = store.get("app:data")
  if not data then return nil, err end
  return data:get(key)
end

function probe.write(key, value)
  local data = assert(store.get("app:data"))
  local done, err = data:set(key, value)
  if not done then return nil, err end
  return done
end

function probe.spawn(name)
  return process.exec("app:worker", "app:host", name)
end

function probe.actor(id)
  local ok, err = pcall(security.new_actor, id)
  return {ok = ok, message = tostring(err)}
end

return { main = function(name, ...) return probe[name](...) end }
