-- Databases that are entries: found by id, running or not.

local function fails(kind, text, value, err)
  assert(value == nil and err:kind() == kind and err:message():find(text, 1, true), tostring(err))
  return err
end

-- A caller that is canceled gets no answer, and what it has begun is abandoned.
local function canceled()
  local endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000000000) SELECT COUNT(*) AS n FROM c"
  for id, text in pairs { ["app:memory"] = endless, ["app:postgres"] = "SELECT pg_sleep(1000)", ["app:mysql"] = "SELECT SLEEP(1000)" } do
    local db = assert(sql.get(id))
    for _, in_transaction in ipairs { false, true } do
      local before = assert(db:stats()).in_use
      local future = assert(funcs.async("app:slow", id, text, in_transaction))
      while not process.registry.lookup("slow") or assert(db:stats()).in_use == before do time.sleep("1ms") end
      time.sleep("20ms")
      assert(not future:is_complete() and future:cancel() and future:is_canceled())
      fails(errors.CANCELED, "canceled", future:result())
      while assert(db:stats()).in_use > before or process.registry.lookup("slow") do time.sleep("1ms") end
      assert(assert(db:query("SELECT 1 AS one"))[1].one == 1)
    end
  end
end

-- What is stopped refuses those who have a handle already.
local function stopped()
  local db = assert(sql.get("app:spare"))
  local stmt = assert(db:prepare("SELECT 1"))
  assert(registry.snapshot():changes():delete("app:spare"):apply())
  while db:query("SELECT 1") do time.sleep("1ms") end
  for method, argument in pairs { query = "SELECT 1", execute = "SELECT 1", prepare = "SELECT 1", begin = false } do
    assert(fails(errors.UNAVAILABLE, method, db[method](db, argument or nil)):retryable() == true)
  end
  for _, method in ipairs { "query", "execute" } do
    assert(fails(errors.UNAVAILABLE, "stmt " .. method, stmt[method](stmt)):retryable() == true)
  end
  fails(errors.NOT_FOUND, "app:spare", sql.get("app:spare"))
end

return {
  main = function()
    for id, engine in pairs { ["app:memory"] = "sqlite", ["app:postgres"] = "postgres", ["app:mysql"] = "mysql" } do
      local db = assert(sql.get(id))
      assert(db:type() == engine)
      assert(assert(db:query("SELECT 1 AS one"))[1].one == 1)
    end
    -- a database in memory is one for all who get it
    local db, rows = assert(sql.get("app:memory"))
    repeat
      rows = db:query("SELECT text FROM notes")
      time.sleep("1ms")
    until rows and rows[1]
    assert(rows[1].text == "mysql")
    -- settings reach it
    db = assert(sql.get("app:postgres"))
    assert(assert(db:query("SHOW application_name"))[1].application_name == "application")
    local stats = assert(db:stats())
    assert(stats.max_open_connections == 3)
    -- what cannot be had
    assert(fails(errors.UNAVAILABLE, "not running", sql.get("app:idle")):retryable() == true)
    fails(errors.UNAVAILABLE, "not running", sql.get("app:absent"))
    fails(errors.NOT_FOUND, "app:other", sql.get("app:other"))
    fails(errors.NOT_FOUND, "sqlite::memory:", sql.get("sqlite::memory:"))
    fails(errors.INVALID, "process.host", sql.get("app:host"))
    fails(errors.INVALID, "empty", sql.get(""))
    -- what stands for a secret is not replaced where it can be seen
    assert(registry.get("app:postgres").data.password == "${env:MOONLET_TEST_PASSWORD|secret}")
    canceled()
    stopped()
  end,
}
