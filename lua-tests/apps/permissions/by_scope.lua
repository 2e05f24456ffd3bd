-- Each guarded function passes with exactly the permissions it names, and is refused without any one of them.
local exactly = assert(security.named_scope("app:exactly"))

-- The answer to a call on behalf of somebody who may do these actions to these resources.
local function call(actions, resources, ...)
  local actor = security.new_actor("somebody", {actions = actions, resources = resources})
  local answer, err = funcs.new():with_actor(actor):with_scope(exactly):call("app:probe", ...)
  return answer or error(err)
end

return { main = function()
  for _, row in ipairs(guarded.rows) do
    local resources = {}
    for i = 2, #row do resources[#resources + 1] = row[i][2] end
    for i = 2, #row do
      local actions = {"none"}
      for j = 2, #row do if j ~= i then actions[#actions + 1] = row[j][1] end end
      guarded.assert_refused(row, call(actions, resources, table.unpack(row[1])), row[i])
    end
    local actions = {}
    for i = 2, #row do actions[#actions + 1] = row[i][1] end
    local others = {"other"}
    local answer = call(actions, others, table.unpack(row[1]))
    assert(answer.refused, row[1][1] .. " asks for something else")
    if not row.ends then
      answer = call(actions, resources, table.unpack(row[1]))
      assert(not answer.refused, answer.message)
    end
  end

  -- What may not be seen is left out.
  local function seen(...) return table.concat(call(...), " ") end
  assert(seen({"registry.get"}, {"app:files"}, "found") == "app:files app:files app:files")
  assert(seen({"registry.get"}, {"app:db"}, "found"):find("app:db app:db app:db", 1, true))
  assert(seen({"none"}, {"none"}, "found") == "")
  assert(seen({"env.get"}, {"PATH", "app:db"}, "variables") == "PATH")
  assert(seen({"env.set"}, {"PATH"}, "variables") == "")
end }
