-- What all engines of the sql module have in common. Module specification §2.3 to §2.9.

local sql = require("sql")
local time = require("time")
local databases = require("support.databases")
local good, bad = databases.good, databases.bad

-- `e` describes the engine: url, name, mark (i → placeholder), serial (column type), and what is not the same everywhere.
return function(e)
  local db = databases.open(e.url)
  local t = databases.fresh("t")
  local mark = e.mark
  assert(db:type() == e.name and tostring(db) == "sql.DB{" .. e.name .. "}")

  -- statements
  good(db:execute(("CREATE TABLE %s (id %s, name VARCHAR(50) UNIQUE NOT NULL, n INTEGER, x DOUBLE PRECISION, b %s, CHECK (n < 1000))"):format(t, e.serial, e.binary)))
  local insert = ("INSERT INTO %s (name, n, x, b) VALUES (%s, %s, %s, %s)"):format(t, mark(1), mark(2), mark(3), mark(4))
  local result = good(db:execute(insert, { "one", 1, 1.5, sql.as.binary("\0\xff") }))
  assert(result.rows_affected == 1 and result.last_insert_id == (e.last_id and 1 or 0))
  good(db:execute(insert, { "two", nil, nil, sql.NULL }))
  local rows = good(db:query(("SELECT id, name, n, x, b AS bytes FROM %s ORDER BY id"):format(t)))
  assert(#rows == 2 and rows[1].id == 1 and math.type(rows[1].id) == "integer" and rows[1].name == "one")
  assert(rows[1].n == 1 and rows[1].x == 1.5 and rows[1].bytes == "\0\xff")
  assert(rows[2].n == nil and rows[2].x == nil and rows[2].bytes == nil and next(rows[2]) ~= nil)
  assert(#good(db:query(("SELECT * FROM %s WHERE id = %s"):format(t, mark(1)), { 99 })) == 0)
  assert(good(db:query(("SELECT COUNT(*) AS c FROM %s;  -- all"):format(t)))[1].c == 2)
  result = good(db:execute(("UPDATE %s SET n = %s"):format(t, mark(1)), { 5 }))
  assert(result.rows_affected == 2)
  assert(select("#", db:query("SELECT 1 AS one")) == 2)
  good(db:query(("INSERT INTO %s (name, n) VALUES ('three', 3)"):format(t)))
  result = good(db:execute(("DELETE FROM %s WHERE name = 'three'"):format(t)))
  assert(result.rows_affected == 1)

  -- parameters
  local function echo(value, cast)
    return good(db:query(("SELECT CAST(%s AS %s) AS v"):format(mark(1), cast or e.text), { value }))[1].v
  end
  assert(echo("é😀") == "é😀" and echo("") == "" and echo(sql.NULL) == nil and echo(sql.as.null()) == nil)
  assert(echo(sql.as.text(5)) == "5" and echo(sql.as.text({})) == "" and echo(sql.as.text("x")) == "x")
  assert(echo(42, e.integer) == 42 and echo(sql.as.int(2.9), e.integer) == 2 and echo(sql.as.int("7"), e.integer) == 0)
  assert(echo(math.maxinteger, e.integer) == math.maxinteger and echo(math.mininteger, e.integer) == math.mininteger)
  assert(echo(0.1, e.float) == 0.1 and echo(sql.as.float(2), e.float) == 2.0 and echo(sql.as.float("x"), e.float) == 0.0)
  assert(echo(true, e.boolean) == e.truth)
  assert(echo(sql.as.binary(5)) == nil)
  bad("Invalid", "parameters must be a table", db:query("SELECT 1", 5))
  bad("Invalid", "unsupported parameter type function at index 2", db:query("SELECT 1", { 1, print }))
  bad("Invalid", "unsupported parameter type table at index 1", db:query("SELECT 1", { {} }))
  bad("Invalid", "query", db:query(("SELECT %s AS a"):format(mark(1)), {}))
  bad("Invalid", "query", db:query(("SELECT %s AS a"):format(mark(1)), { 1, 2 }))
  do -- a null in the middle
    local text = ("SELECT CAST(%s AS %s) AS a, CAST(%s AS %s) AS b, CAST(%s AS %s) AS c"):format(mark(1), e.text, mark(2), e.text, mark(3), e.text)
    local row = good(db:query(text, { "1", nil, "3" }))[1]
    assert(row.a == "1" and row.b == nil and row.c == "3")
  end

  -- errors
  local err = bad("Invalid", "query: ", db:query("SELEC 1"))
  assert(err:details().engine == e.name and err:details().code and err:retryable() == false)
  bad("Invalid", "query: ", db:query("SELECT * FROM no_such_table_here"))
  bad("Invalid", "execute: ", db:execute(("SELECT no_such_column FROM %s"):format(t)))
  bad("Invalid", "query", db:query("SELECT 1; SELECT 2"))
  err = bad("AlreadyExists", "execute: ", db:execute(insert, { "one", 1, 1, sql.NULL }))
  assert(err:details().constraint and not err:message():find("one", 1, true), err:message())
  bad("Invalid", "execute: ", db:execute(insert, { sql.NULL, 1, 1, sql.NULL }))
  bad("Invalid", "execute: ", db:execute(insert, { "big", 1000, 1, sql.NULL }))
  assert(not pcall(db.query, db) and not pcall(db.query, {}, "SELECT 1") and not pcall(db.execute, db, {}))
  bad("Invalid", "", db:query("SELECT '\xff'"))

  -- prepared statements
  do
    local stmt = good(db:prepare(("SELECT name FROM %s WHERE id = %s"):format(t, mark(1))))
    assert(tostring(stmt) == "sql.Statement{" .. e.name .. "}")
    assert(good(stmt:query({ 1 }))[1].name == "one" and good(stmt:query({ 2 }))[1].name == "two" and #good(stmt:query({ 3 })) == 0)
    bad("Invalid", "stmt query", stmt:query({}))
    bad("Invalid", "stmt query", stmt:query({ print }))
    bad("Invalid", "stmt execute", stmt:execute({ print }))
    bad("Invalid", "stmt query", stmt:query(5))
    assert(stmt:close() == true)
    bad("Invalid", "statement is closed", stmt:query({ 1 }))
    bad("Invalid", "statement is closed", stmt:execute({ 1 }))
    bad("Invalid", "statement is closed", stmt:close())
    stmt = good(db:prepare(insert))
    for i = 1, 20 do assert(good(stmt:execute({ "p" .. i, i, i / 2, sql.NULL })).rows_affected == 1) end
    err = bad("AlreadyExists", "stmt execute", stmt:execute({ "p1", 1, 1, sql.NULL }))
    assert(good(db:execute(("DELETE FROM %s WHERE name LIKE 'p%%'"):format(t))).rows_affected == 20)
    bad("Invalid", "prepare", db:prepare("SELEC"))
    bad("Invalid", "prepare", db:prepare("SELECT 1; SELECT 2"))
  end

  -- transactions
  local function names(handle)
    local list = {}
    for i, row in ipairs(good(handle:query(("SELECT name FROM %s ORDER BY id"):format(t)))) do list[i] = row.name end
    return table.concat(list, " ")
  end
  local add = ("INSERT INTO %s (name) VALUES (%s)"):format(t, mark(1))
  do
    local tx = good(db:begin())
    assert(tx:db_type() == e.name and tostring(tx) == "sql.Transaction{" .. e.name .. "}")
    good(tx:execute(add, { "a" }))
    assert(names(tx) == "one two a")
    assert(good(tx:savepoint("s1")) == true)
    good(tx:execute(add, { "b" }))
    good(tx:savepoint("s2"))
    good(tx:execute(add, { "c" }))
    assert(names(tx) == "one two a b c")
    assert(good(tx:rollback_to("s2")) and names(tx) == "one two a b")
    assert(good(tx:release("s1")))
    bad("Invalid", "savepoint", tx:savepoint("1x"))
    bad("Invalid", "savepoint", tx:savepoint("a b"))
    bad("Invalid", "savepoint", tx:savepoint(""))
    local stmt = good(tx:prepare(("SELECT COUNT(*) AS c FROM %s"):format(t)))
    assert(good(stmt:query())[1].c == 4)
    assert(good(tx:commit()) == true)
    for _, method in ipairs { "commit", "rollback", "db_type" } do bad("Invalid", "transaction is not active", tx[method](tx)) end
    bad("Invalid", "transaction is not active", tx:query("SELECT 1"))
    bad("Invalid", "transaction is not active", tx:execute("SELECT 1"))
    bad("Invalid", "transaction is not active", tx:prepare("SELECT 1"))
    bad("Invalid", "transaction is not active", tx:savepoint("s"))
    bad("Invalid", "transaction is not active", tx:rollback_to("s"))
    bad("Invalid", "transaction is not active", tx:release("s"))
    for _, method in ipairs { "query", "execute", "close" } do bad("Invalid", "statement is closed", stmt[method](stmt)) end
    assert(tostring(stmt) == "sql.Statement{closed}")
    assert(names(db) == "one two a b" and tostring(tx) == "sql.Transaction{over}")

    tx = good(db:begin { isolation = sql.isolation.SERIALIZABLE })
    good(tx:execute(add, { "gone" }))
    assert(good(tx:rollback()) == true and names(db) == "one two a b")
    bad("Invalid", "begin", db:begin { isolation = "none" })
    bad("Invalid", "begin", db:begin { read_only = "yes" })
    bad("Invalid", "begin", db:begin(5))
    if e.name ~= "sqlite" then bad("Invalid", "begin", db:begin { isolation = sql.isolation.WRITE_COMMITTED }) end
    for _, level in pairs { sql.isolation.DEFAULT, sql.isolation.READ_UNCOMMITTED, sql.isolation.READ_COMMITTED, sql.isolation.REPEATABLE_READ } do
      good(good(db:begin { isolation = level }):rollback())
    end
    -- an unknown savepoint fails, a failed statement leaves the transaction open
    tx = good(db:begin())
    good(tx:savepoint("here"))
    bad("Invalid", "tx rollback_to", tx:rollback_to("nowhere"))
    if e.fails_whole then good(tx:rollback_to("here")) end
    bad("Invalid", "tx release", tx:release("nowhere"))
    if e.fails_whole then good(tx:rollback_to("here")) end
    bad("AlreadyExists", "tx execute", tx:execute(add, { "one" }))
    if e.fails_whole then
      bad("Invalid", "tx query", tx:query("SELECT 1"))
      good(tx:rollback_to("here"))
    end
    good(tx:execute(add, { "kept" }))
    good(tx:commit())
    assert(names(db) == "one two a b kept")
    -- read only
    tx = good(db:begin { read_only = true })
    assert(names(tx) == "one two a b kept")
    bad("Invalid", "tx execute", tx:execute(add, { "no" }))
    if not e.fails_whole then assert(names(tx) == "one two a b kept") end
    good(tx:rollback())
    good(db:execute(add, { "yes" }))
    good(db:execute(("DELETE FROM %s WHERE name IN ('a', 'b', 'kept', 'yes')"):format(t)))
  end

  -- a process that ends gives everything back
  do
    local function count() return good(db:query(("SELECT COUNT(*) AS c FROM %s"):format(t)))[1].c end
    local before = count()
    local results = channel.new()
    for _, how in ipairs { "return", "error", "killed", "killed while waiting" } do
      local pid = process.spawn_monitored(function(url, add, how, results)
        local db = require("sql").get(url)
        local tx = assert(db:begin())
        assert(tx:execute(add, { "left behind" }))
        results:send(true)
        if how == "error" then error("on purpose") end
        if how == "killed" then require("time").sleep("1h") end
        if how == "killed while waiting" then tx:query(how) end
      end, "app:processes", e.url, add, how, results)
      assert(results:receive())
      if how:find("killed") then process.terminate(pid) end
      repeat local event = process.events():receive() until event.kind == process.event.EXIT and event.from == pid
      assert(count() == before, how)
      good(db:execute(add, { "left behind" }))
      good(db:execute(("DELETE FROM %s WHERE name = 'left behind'"):format(t)))
    end
    -- in the middle of a statement that takes long
    local pid = process.spawn_monitored(function(url, slow, results)
      local db = require("sql").get(url)
      local tx = assert(db:begin())
      results:send(true)
      local rows, err = tx:query(slow)
      results:send("it ended")
    end, "app:processes", e.url, e.slow, results)
    assert(results:receive())
    time.sleep("100ms")
    process.terminate(pid)
    repeat local event = process.events():receive() until event.kind == process.event.EXIT and event.from == pid
    assert(count() == before)
    good(db:execute(add, { "after" }))
    good(db:execute(("DELETE FROM %s WHERE name = 'after'"):format(t)))
  end

  -- many at a time
  do
    local done = channel.new(20)
    for i = 1, 20 do
      coroutine.spawn(function()
        for _ = 1, 5 do good(db:query(("SELECT COUNT(*) AS c FROM %s"):format(t))) end
        done:send(true)
      end)
    end
    for _ = 1, 20 do assert(done:receive()) end
    local stats = good(db:stats())
    for _, field in ipairs { "max_open_connections", "open_connections", "in_use", "idle", "wait_count", "max_idle_closed", "max_idle_time_closed", "max_lifetime_closed" } do
      assert(math.type(stats[field]) == "integer" and stats[field] >= 0, field)
    end
    assert(type(stats.wait_duration) == "string" and stats.open_connections >= 1 and stats.in_use == 0)
  end

  -- the builder runs on every engine
  do
    local b = sql.builder
    good(good(b.insert(t):columns("name", "n"):values("x1", 1):values("x2", 2):values("x3", 3):run_with(db)):exec())
    local rows = good(good(b.select("name"):from(t):where { n = { 1, 2, 3 } }:where("name LIKE ?", "x%"):order_by("n DESC"):limit(2):run_with(db)):query())
    assert(#rows == 2 and rows[1].name == "x3" and rows[2].name == "x2")
    assert(good(good(b.update(t):set("n", b.expr("n + ?", 10)):where { name = "x1" }:run_with(db)):exec()).rows_affected == 1)
    assert(good(db:query(("SELECT n FROM %s WHERE name = 'x1'"):format(t)))[1].n == 11)
    if e.name ~= "postgres" then
      assert(good(good(b.delete(t):where("name LIKE ?", "x%"):order_by("n"):limit(1):run_with(db)):exec()).rows_affected == 1)
      assert(good(db:query(("SELECT COUNT(*) AS c FROM %s WHERE name = 'x2'"):format(t)))[1].c == 0)
    else
      bad("Invalid", "execute", good(b.delete(t):where("name LIKE ?", "x%"):order_by("n"):limit(1):run_with(db)):exec())
    end
    local tx = good(db:begin())
    good(good(b.delete(t):where("name LIKE ?", "x%"):run_with(tx)):exec())
    good(tx:commit())
  end

  -- handles
  do
    local other = databases.open(e.url)
    assert(other ~= db and other:release() == true and other:release() == true and tostring(other) == "sql.DB{released}")
    for _, method in ipairs { "query", "execute", "prepare" } do bad("Invalid", "released", other[method](other, "SELECT 1")) end
    for _, method in ipairs { "begin", "stats", "type" } do bad("Invalid", "released", other[method](other)) end
    bad("Invalid", "released", sql.builder.select("1"):run_with(other))
    local results = channel.new()
    process.spawn(function(handle, results) results:send(handle == nil) end, "app:processes", db, results)
    assert(results:receive() == true, "a handle arrives as nil")
  end
  good(db:execute("DROP TABLE " .. t))
  return db
end
