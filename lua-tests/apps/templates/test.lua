local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

return { main = function()
  local pages = assert(templates.get("app:pages"))
  assert(tostring(pages) == "template.Set{}")
  local title = "<title>Moon: users</title>"
  assert(pages:render("users/list", { users = { { name = "Ann" }, { name = "<Bob>" } } })
    == title .. "<li>0 Ann</li><li>1 &lt;Bob&gt;</li>")
  assert(pages:render("users/list") == title .. "nobody")
  assert(pages:render("users/list", { users = {}, site = "Sun" }) == "<title>Sun: users</title>nobody")
  assert(templates.get("app:mails"):render("mail", { name = "A & B" }) == "Dear A & B {{ x }}")
  -- Many at a time.
  local rendered = channel.new(10)
  for i = 1, 10 do
    coroutine.spawn(function() rendered:send(pages:render("users/list", { users = { { name = i } } })) end)
  end
  for _ = 1, 10 do assert(rendered:receive():find("<li>0 %d+</li>")) end

  refused(errors.INVALID, "empty", templates.get(""))
  refused(errors.NOT_FOUND, "app:none", templates.get("app:none"))
  refused(errors.INVALID, "app:page", templates.get("app:page"))
  refused(errors.INVALID, "empty", pages:render(""))
  refused(errors.NOT_FOUND, "none", pages:render("none"))
  refused(errors.NOT_FOUND, "page", pages:render("page"))
  refused(errors.INTERNAL, "there is no block 'nothing'", pages:render("broken"))
  refused(errors.INVALID, "users.1", pages:render("users/list", { users = { print } }))
  assert(not pcall(templates.get) and not pcall(pages.render, pages) and not pcall(pages.render, pages, "x", 1))
  assert(pages:release() == true and pages:release() == true and tostring(pages) == "template.Set{released}")
  refused(errors.INTERNAL, "released", pages:render("users/list"))
end }
