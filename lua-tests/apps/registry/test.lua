local function ids(entries)
  local names = {}
  for i, entry in ipairs(entries) do names[i] = entry.id:match(":(.*)") end
  table.sort(names)
  return table.concat(names, " ")
end

local function refused(kind, part, value, err)
  assert(value == nil and errors.is(err, kind) and err:message():find(part, 1, true), tostring(err))
end

return { main = function()
  local one = assert(registry.get("app:one"))
  assert(one.id == "app:one" and one.kind == "registry.entry" and one.meta.team == "a")
  assert(one.data.value == 1 and one.data.nested.list[2] == 2)
  assert(registry.get("app:two").data.value == 2)
  refused(errors.NOT_FOUND, "app:none", registry.get("app:none"))
  refused(errors.INVALID, "empty", registry.get(""))
  local id = registry.parse_id("a.b:c:d")
  assert(id.ns == "a.b" and id.name == "c:d" and registry.parse_id("x").ns == "")

  assert(ids(assert(registry.find{})) == "f one test two")
  assert(ids(registry.find{[".kind"] = "registry.entry"}) == "one two")
  assert(ids(registry.find{[".kind"] = "registry.entry", ["meta.team"] = "a"}) == "one")
  assert(ids(registry.find{["*meta.tags"] = "y"}) == "one" and #registry.find{[".name"] = "z*"} == 0)
  refused(errors.INVALID, "meta.x", registry.find{["~meta.x"] = "("})

  local before = assert(registry.snapshot())
  assert(#before:entries() == 4 and before:get("app:one").data.value == 1 and #before:namespace("app") == 4)
  local version = before:version()
  assert(version:id() == 1 and version:string() == "v1" and version:previous() == nil and version:next() == nil)

  -- All or nothing.
  local changes = before:changes()
  refused(errors.INVALID, "no changes", changes:apply())
  changes:create{id = "app:three", kind = "registry.entry", data = {value = 3}}
    :update{id = "app:f", kind = "function.lua", data = {method = "main", source = "return { main = function() return 'new' end }"}}
    :delete("app:two")
  assert(#changes:ops() == 3 and changes:ops()[3].kind == "entry.delete")
  assert(funcs.call("app:f") == "old")
  local second = assert(changes:apply())
  assert(second:id() == 2 and second:previous():id() == 1 and registry.current_version():id() == 2)
  assert(registry.get("app:three").data.value == 3 and not registry.get("app:two"))
  assert(funcs.call("app:f") == "new")
  assert(before:get("app:two") and not before:get("app:three"))

  -- Somebody else was quicker; what is wrong is refused.
  refused(errors.CONFLICT, "changed", before:changes():delete("app:one"):apply())
  local function try(entry) return registry.snapshot():changes():create(entry):apply() end
  refused(errors.INVALID, "unknown kind", try{id = "app:x", kind = "nothing"})
  refused(errors.INVALID, "exists already", try{id = "app:one", kind = "registry.entry"})
  refused(errors.INVALID, "unexpected symbol", try{id = "app:x", kind = "library.lua", data = {source = "= 1"}})
  refused(errors.INVALID, "no entry", registry.snapshot():changes():delete("app:none"):apply())
  assert(not pcall(try, {kind = "registry.entry"}) and not pcall(try, {id = "x", kind = "k"}))
  assert(registry.current_version():id() == 2)

  -- Back to the first version.
  assert(#registry.build_delta(2, 1) == 3 and #registry.build_delta(version, second) == 3)
  local third = assert(registry.apply_version(1))
  assert(third:id() == 3 and registry.get("app:two").data.value == 2 and not registry.get("app:three"))
  assert(funcs.call("app:f") == "old")
  assert(#registry.versions() == 3 and #registry.history():versions() == 3)
  assert(registry.history():get_version(2):id() == 2 and registry.snapshot_at(2):get("app:three"))
  refused(errors.NOT_FOUND, "version 9", registry.snapshot_at(9))
  refused(errors.NOT_FOUND, "version 9", registry.build_delta(1, 9))
  refused(errors.NOT_FOUND, "version 9", registry.build_delta(9, 1))
  refused(errors.NOT_FOUND, "version 9", registry.history():get_version(9))
  refused(errors.NOT_FOUND, "version 9", registry.history():snapshot_at(9))
  local history = assert(registry.history())
  assert(history:snapshot_at(second):get("app:three").data.value == 3 and history:get_version(1):next():id() == 2)
  refused(errors.NOT_FOUND, "app:none", before:get("app:none"))
  refused(errors.INVALID, "empty", before:get(""))
  assert(ids(before:find{[".name"] = "t*"}) == "test two" and #before:namespace("none") == 0)
  refused(errors.INVALID, "meta.x", before:find{["~meta.x"] = "("})
  refused(errors.INVALID, "no such entry", registry.snapshot():changes():update{id = "app:none", kind = "registry.entry"}:apply())
  local update = assert(registry.build_delta(1, 2))
  local kinds = {}
  for i, op in ipairs(update) do kinds[i] = op.kind .. " " .. op.entry.id end
  table.sort(kinds)
  assert(table.concat(kinds, ", ") == "entry.create app:three, entry.delete app:two, entry.update app:f")
  refused(errors.NOT_FOUND, "version 9", registry.apply_version(9))
end }
