-- Databases that are entries: found by id, running or not.

local function fails(kind, text, value, err)
  assert(value == nil and err:kind() == kind and err:message():find(text, 1, true), tostring(err))
  return err
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
  end,
}
