-- Adds one to a number under a key, whoever else does so.
return { main = function(id)
  local s = assert(store.get(id))
  while true do
    local entry = assert(s:entry("number"))
    local put, err = s:put("number", entry.value + 1, {if_version = entry.version})
    if put then return entry.value + 1 end
    assert(errors.is(err, errors.CONFLICT) and err:retryable(), tostring(err))
  end
end }
