return { main = function()
  local small = assert(store.get("app:small"))
  assert(small:set("a", 1) and small:set("b", 2, "1ms") and small:set("a", 3))
  while small:has("b") do time.sleep("1ms") end
  -- What has expired makes room.
  assert(small:set("c", 4))
  local ok, err = small:set("d", 5)
  assert(ok == false and errors.is(err, errors.INTERNAL) and err:message() == "the store is full")
  local nothing, why = small:put("d", 5)
  assert(nothing == nil and errors.is(why, errors.INTERNAL) and why:message() == "the store is full")
  assert(small:set("c", 6) and small:delete("a") and small:set("d", 5))
  for id, kind in pairs { ["app:none"] = errors.NOT_FOUND, ["app:test"] = errors.INVALID } do
    local nothing, err = store.get(id)
    assert(nothing == nil and errors.is(err, kind))
  end
end }
