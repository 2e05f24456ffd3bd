-- A process that tells on whose behalf it runs: its caller, or as a service the store.
local function who()
  local actor, scope = security.actor(), security.scope()
  local policies = {}
  for i, policy in ipairs(scope and scope:policies() or {}) do policies[i] = policy:id() end
  table.sort(policies)
  return {actor = actor and actor:id(), level = actor and actor:meta().level, policies = table.concat(policies, " ")}
end

return { main = function(name)
  if name ~= "service" then return who() end
  local seen = who()
  seen.registered, seen.error = process.registry.register("janitor")
  seen.error = seen.error and seen.error:kind()
  assert(assert(store.get("app:data")):set("service", seen))
end }
