-- Stores in tables: the same on every database.

local tables = {
  sqlite = [[CREATE TABLE app_store ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL, expires_at INTEGER)]],
  postgres = [[CREATE TABLE app_store ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL, expires_at BIGINT)]],
  mysql = [[CREATE TABLE app_store (`key` VARBINARY(255) PRIMARY KEY, `value` TEXT NOT NULL, expires_at BIGINT)]],
}

local function refused(kind, part, value, err)
  assert(not value and errors.is(err, kind) and err:message():find(part, 1, true), tostring(err))
  return err
end

local function keys_of(page)
  local keys = {}
  for i, item in ipairs(page.items) do keys[i] = item.key end
  return table.concat(keys, " ")
end

local function values(s)
  for _, value in ipairs { 1, 2.5, -0.5, math.maxinteger, "text", "it's \"é\" \\ ?", true, false, {1, {a = "b"}}, {} } do
    assert(s:set("k", value) == true)
    local again, err = s:get("k")
    assert(err == nil and type(again) == type(value) and math.type(again) == math.type(value))
    if type(value) == "table" then
      assert(#again == #value and (#value == 0 or again[1] == 1 and again[2].a == "b"))
    else
      assert(again == value)
    end
  end
  assert(s:set("nothing", nil) and s:has("nothing") and s:get("nothing") == nil and select(2, s:get("nothing")) == nil)
  local entry = assert(s:put("e", "x"))
  assert(entry.key == "e" and entry.value == "x" and s:entry("e").version == entry.version)
  refused(errors.NOT_FOUND, "none", s:get("none"))
  refused(errors.NOT_FOUND, "none", s:entry("none"))
  assert(s:has("none") == false and s:delete("none") == false)
  assert(s:delete("e") == true and s:has("e") == false and s:delete("e") == false)
  refused(errors.INVALID, "empty key", s:get(""))
  refused(errors.INVALID, "UTF-8", s:get("\xff"))
  refused(errors.INVALID, "UTF-8", s:set("\xff", 1))
  refused(errors.INVALID, "UTF-8", s:list{prefix = "\xff"})
  refused(errors.INVALID, "function", s:set("k", print))
  refused(errors.INVALID, "JSON", s:put("k", {1, [10] = 2}))
  refused(errors.INVALID, "UTF-8", s:set("k", "\xff"))
  refused(errors.INVALID, "UTF-8", s:set("k", {{a = "\xff"}}))
  refused(errors.INVALID, "ttl", s:set("k", 1, -1))
  assert(s:delete("k") and s:delete("nothing"))
end

local function conditions(s)
  local first = assert(s:put("k", 1, {only_if_absent = true}))
  refused(errors.ALREADY_EXISTS, "exists", s:put("k", 2, {only_if_absent = true}))
  local second = assert(s:put("k", 2, {if_version = first.version}))
  assert(second.version ~= first.version and s:entry("k").version == second.version)
  assert(refused(errors.CONFLICT, "version", s:put("k", 3, {if_version = first.version})):retryable())
  refused(errors.CONFLICT, "version", s:put("new", 3, {if_version = first.version}))
  refused(errors.INVALID, "exclude", s:put("k", 3, {if_version = "1", only_if_absent = true}))
  -- What is like that already is no conflict.
  assert(s:put("k", 2, {if_version = second.version}).version == second.version)
  assert(s:get("k") == 2 and s:delete("k"))
end

-- Many at once: nothing is lost.
local function together(id, s)
  assert(s:set("number", 0))
  local futures = {}
  for i = 1, 12 do futures[i] = assert(funcs.async("app:add", id)) end
  for _, future in ipairs(futures) do assert(future:response():receive()) end
  for _, future in ipairs(futures) do assert(future:result()) end
  assert(s:get("number") == 12 and s:delete("number"))
end

local function expired(s, key)
  while s:has(key) do time.sleep("1ms") end
end

local function time_to_live(s, clean, db)
  local function rows() return db:query("SELECT COUNT(*) AS n FROM app_store")[1].n end
  assert(rows() == 0)
  assert(s:set("a", 1, 0.001) and s:put("b", 1, {ttl = "1us"}) and s:set("long", 1, 3600) and s:set("ever", 1, 0))
  local version = s:entry("long").version
  expired(s, "a")
  expired(s, "b")
  refused(errors.NOT_FOUND, "a", s:get("a"))
  refused(errors.CONFLICT, "version", s:put("a", 2, {if_version = version}))
  assert(s:delete("a") == false and keys_of(s:list()) == "ever long")
  -- The rows are there until somebody cleans up.
  assert(rows() == 4)
  assert(s:put("b", 2, {only_if_absent = true}) and s:get("b") == 2 and rows() == 4)
  assert(clean:has("a") == false and rows() == 3)
  assert(clean:set("c", 1, "1ms") and s:put("long", 1, {if_version = version, ttl = "1ms"}))
  expired(s, "c")
  expired(s, "long")
  assert(rows() == 4)
  assert(clean:get("b") == 2 and rows() == 2)
  assert(s:delete("b") and s:delete("ever") and rows() == 0)
end

local function lists(s)
  for i = 1, 120 do assert(s:set(("a%03d"):format(i), i)) end
  for _, key in ipairs { "B", "b", "b%", "b%1", "b_", "bé", "bz", "c" } do assert(s:set(key, key)) end
  local page = assert(s:list())
  assert(#page.items == 100 and page.has_more and page.cursor == page.items[100].key)
  assert(page.items[1].key == "B" and page.items[2].key == "a001" and page.items[2].value == 1)
  local count, after = 0
  repeat
    page = s:list{prefix = "a", after = after, limit = 50}
    count, after = count + #page.items, page.cursor
  until not page.has_more
  assert(count == 120 and after == "a120")
  assert(keys_of(s:list{prefix = "b"}) == "b b% b%1 b_ bz bé" and keys_of(s:list{prefix = "b%"}) == "b% b%1")
  assert(keys_of(s:list{prefix = "b", after = "b_"}) == "bz bé" and keys_of(s:list{prefix = "b", after = "a"}) == "b b% b%1 b_ bz bé")
  assert(keys_of(s:list{after = "bz"}) == "bé c" and keys_of(s:list{prefix = "b", limit = 2}) == "b b%")
  page = s:list{prefix = "z"}
  assert(#page.items == 0 and page.cursor == nil and page.has_more == false)
  refused(errors.INVALID, "limit", s:list{limit = 0})
end

return { main = function()
  for engine, statement in pairs(tables) do
    local db = assert(sql.get("app:" .. engine))
    assert(db:execute("DROP TABLE IF EXISTS app_store"))
    assert(db:execute(statement))
    local s, clean = assert(store.get("app:in." .. engine)), assert(store.get("app:clean." .. engine))
    local info = assert(s:info())
    assert(info.id == "app:in." .. engine and info.backend == store.backend.SQL and info.durable == (engine ~= "sqlite"))
    assert(info.consistency == store.consistency.LINEARIZABLE and info.versioned and info.conditional_put and info.list and info.ttl)
    values(s)
    conditions(s)
    together("app:in." .. engine, s)
    time_to_live(s, clean, db)
    lists(s)
    -- What a program of another sort may have left there.
    assert(db:execute([[UPDATE app_store SET value = '{' WHERE expires_at IS NULL]]))
    refused(errors.INTERNAL, "no JSON", s:get("c"))
    refused(errors.INTERNAL, "no JSON", s:entry("c"))
    refused(errors.INTERNAL, "no JSON", s:list())
    assert(db:execute("DROP TABLE app_store"))
    local nowhere = assert(store.get("app:no.table." .. engine))
    for method, value in pairs { get = false, entry = false, has = false, delete = false, set = 1, put = 1 } do
      refused(errors.INVALID, "nowhere", nowhere[method](nowhere, "k", value))
    end
    refused(errors.INVALID, "nowhere", nowhere:list())
    for _, method in ipairs { "get", "entry", "has", "delete" } do
      refused(errors.INVALID, "empty key", s[method](s, ""))
      refused(errors.INVALID, "UTF-8", s[method](s, "\xff"))
    end
    assert(s:release() and tostring(s) == "store.Store{released}")
    for _, method in ipairs { "get", "entry", "set", "put", "has", "delete", "list", "info" } do
      refused(errors.INVALID, "released", s[method](s, "k", 1))
    end
  end

  local db = assert(sql.get("app:sqlite"))
  assert(db:execute([[CREATE TABLE "odd ""table""?" ("{key}" TEXT UNIQUE, "select" TEXT, "?" INTEGER)]]))
  local odd = assert(store.get("app:odd"))
  assert(odd:set("a", {1}) and odd:get("a")[1] == 1 and keys_of(odd:list{prefix = "a"}) == "a")
  -- It would wait for itself.
  local transaction = assert(db:begin())
  for method, value in pairs { get = false, entry = false, has = false, delete = false, set = 1, put = 1 } do
    refused(errors.INVALID, "transaction", odd[method](odd, "a", value))
  end
  refused(errors.INVALID, "transaction", odd:list())
  assert(transaction:rollback() and odd:delete("a"))

  local idle = assert(store.get("app:not.running"))
  for method, value in pairs { get = false, entry = false, has = false, delete = false, set = 1, put = 1 } do
    assert(refused(errors.UNAVAILABLE, "app:idle is not running", idle[method](idle, "k", value)):retryable())
  end
  refused(errors.UNAVAILABLE, "app:idle is not running", idle:list())
  refused(errors.UNAVAILABLE, "app:idle is not running", idle:info())
end }
