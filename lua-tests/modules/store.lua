-- The module `store` (modules.md §4.12).
local store, time = require("store"), require("time")

local function refused(kind, part, value, err)
  assert(not value, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
  return err
end

do -- values
  local s = assert(store.get("app:values"))
  assert(tostring(s) == "store.Store{}" and type(s) == "userdata")
  for _, value in ipairs { 1, 2.5, "text", true, false, {1, {a = "b"}, [10] = 1.5}, {} } do
    assert(s:set("k", value) == true)
    local again, err = s:get("k")
    assert(err == nil and type(again) == type(value) and math.type(again) == math.type(value))
    if type(value) == "table" then
      assert(again ~= value and #again == #value and (#value == 0 or again[2].a == "b" and again[10] == 1.5))
    else
      assert(again == value)
    end
  end
  assert(s:set("nothing", nil) and s:has("nothing") and s:get("nothing") == nil and select(2, s:get("nothing")) == nil)
  -- A copy: later changes are not seen.
  local t = {1}
  s:set("t", t)
  t[1] = 2
  assert(s:get("t")[1] == 1)
  refused(errors.NOT_FOUND, "none", s:get("none"))
  refused(errors.NOT_FOUND, "none", s:entry("none"))
  assert(s:has("none") == false and s:delete("none") == false)
  assert(s:delete("t") == true and s:has("t") == false)
  for _, method in ipairs { "get", "entry", "has", "delete" } do
    refused(errors.INVALID, "empty key", s[method](s, ""))
    assert(not pcall(s[method], s))
  end
  refused(errors.INVALID, "empty key", s:set("", 1))
  refused(errors.INVALID, "empty key", s:put("", 1))
end

do -- what is no plain data
  local s = assert(store.get("app:values"))
  refused(errors.INVALID, "the value is a function", s:set("k", print))
  refused(errors.INVALID, "the value at a.2 is a", s:set("k", {a = {1, channel.new()}}))
  refused(errors.INVALID, "the value at x", s:put("k", {x = coroutine.create(print)}))
  local loop = {}
  loop.inner = {loop}
  refused(errors.INVALID, "contains itself", s:set("k", loop))
  local deep = {}
  for _ = 1, 100 do deep = {deep} end
  refused(errors.INVALID, "too deeply", s:set("k", deep))
end

do -- conditions
  local s = assert(store.get("app:conditions"))
  local first = assert(s:put("k", 1, {only_if_absent = true}))
  assert(first.key == "k" and first.value == 1 and type(first.version) == "string")
  refused(errors.ALREADY_EXISTS, "exists", s:put("k", 2, {only_if_absent = true}))
  local second = assert(s:put("k", 2, {if_version = first.version}))
  assert(second.version ~= first.version and s:entry("k").version == second.version)
  assert(refused(errors.CONFLICT, "version", s:put("k", 3, {if_version = first.version})):retryable())
  assert(refused(errors.CONFLICT, "version", s:put("new", 3, {if_version = first.version})))
  refused(errors.INVALID, "exclude", s:put("k", 3, {if_version = "1", only_if_absent = true}))
  assert(s:get("k") == 2 and s:put("k", 3).value == 3)
end

do -- time to live
  local s = assert(store.get("app:ttl"))
  for _, ttl in ipairs { 0.001, "1ms", time.parse_duration("1ms") } do
    assert(s:set("short", 1, ttl) and s:put("put", 1, {ttl = ttl}))
    while s:has("short") or s:has("put") do time.sleep("1ms") end
    refused(errors.NOT_FOUND, "short", s:get("short"))
    assert(s:delete("short") == false and #s:list().items == 0)
    assert(s:put("put", 2, {only_if_absent = true}) and s:delete("put"))
  end
  assert(s:set("long", 1, 3600) and s:set("ever", 1, 0) and s:has("long") and s:has("ever"))
  for _, ttl in ipairs { -1, "soon", {}, 1e300 } do
    refused(errors.INVALID, "ttl", s:set("k", 1, ttl))
    refused(errors.INVALID, "ttl", s:put("k", 1, {ttl = ttl}))
  end
end

do -- lists
  local s = assert(store.get("app:lists"))
  for i = 1, 250 do s:set(("a%03d"):format(i), i) end
  s:set("b", "x")
  local page = assert(s:list())
  assert(#page.items == 100 and page.has_more and page.cursor == "a100" and page.items[1].value == 1)
  local keys, after = 0
  repeat
    page = s:list{prefix = "a", after = after, limit = 70}
    keys, after = keys + #page.items, page.cursor
  until not page.has_more
  assert(keys == 250 and after == "a250")
  page = s:list{prefix = "z"}
  assert(#page.items == 0 and page.cursor == nil and page.has_more == false)
  assert(s:list{after = "a250"}.items[1].key == "b" and #s:list{limit = 5000}.items == 251)
  assert(#s:list{after = "a251"}.items == 1)
  refused(errors.INVALID, "limit", s:list{limit = 0})
  refused(errors.INVALID, "prefix", s:list{prefix = 1})
  refused(errors.INVALID, "after", s:list{after = true})
end

do -- constants
  for _, name in ipairs { "MEMORY", "SQL", "KV_RAFT", "KV_CRDT", "UNKNOWN" } do assert(store.backend[name] == name:lower()) end
  for _, name in ipairs { "LINEARIZABLE", "EVENTUAL", "LOCAL", "UNKNOWN" } do assert(store.consistency[name] == name:lower()) end
end

do -- handles
  local s = assert(store.get("app:handles"))
  local info = s:info()
  assert(info.id == "app:handles" and info.backend == store.backend.MEMORY and info.consistency == store.consistency.LOCAL)
  assert(info.durable == false and info.versioned and info.conditional_put and info.list and info.ttl)
  assert(s:set("shared", 1))
  local pid = process.spawn_monitored(function() return require("store").get("app:handles"):get("shared") end, "app:host")
  assert(process.events():receive().result.value == 1)
  assert(s:release() and s:release() and tostring(s) == "store.Store{released}")
  for _, method in ipairs { "get", "entry", "set", "put", "has", "delete", "list", "info" } do
    refused(errors.INVALID, "released", s[method](s, "k", 1))
  end
  assert(store.get("app:handles"):get("shared") == 1)
  refused(errors.INVALID, "empty", store.get(""))
end
