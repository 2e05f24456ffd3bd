-- Does something on behalf of the caller, and tells of what it finds in the registry and the environment.
local probe = {}

function probe.found()
  local ids = {}
  for _, entry in ipairs(assert(registry.find{})) do ids[#ids + 1] = entry.id end
  for _, entry in ipairs(assert(registry.snapshot():entries())) do ids[#ids + 1] = entry.id end
  for _, entry in ipairs(assert(registry.snapshot():namespace("app"))) do ids[#ids + 1] = entry.id end
  for _, op in ipairs(assert(registry.build_delta(registry.current_version():id(), 1))) do
    ids[#ids + 1] = op.kind .. " " .. op.entry.id
  end
  return ids
end

function probe.variables()
  local names = {}
  for name in pairs(assert(env.get_all())) do names[#names + 1] = name end
  return names
end

return { main = function(name, ...)
  if probe[name] then return probe[name](...) end
  return guarded.call(name, ...)
end }
