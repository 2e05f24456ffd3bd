-- Errors of the module `sql`: every function that reaches a database, with every kind that it can give. Module
-- specification §2.9. What the engines have in common is in `support/battery`.

local sql = require("sql")
local databases = require("support.databases")
local good, bad = databases.good, databases.bad
local b = sql.builder

-- An error of this kind, which is worth a repeat or not.
local function fails(kind, text, value, err)
  err = bad(kind, text, value, err)
  local worth = kind == errors.CONFLICT or kind == errors.UNAVAILABLE or kind == errors.TIMEOUT
  assert(err:retryable() == worth, kind)
  return err
end

-- Runs something in a transaction that is rolled back.
local function in_transaction(run)
  return function(db, what)
    local tx = good(db:begin())
    local value, err = run(tx, what)
    tx:rollback()
    return value, err
  end
end

-- All that run a statement, by the beginning of their messages. It has the form `SELECT …`.
local runners = {
  { "query: ", function(db, text) return db:query(text) end },
  { "execute: ", function(db, text) return db:execute(text) end },
  { "stmt query: ", function(db, text) return good(db:prepare(text)):query() end },
  { "stmt execute: ", function(db, text) return good(db:prepare(text)):execute() end },
  { "query: ", function(db, text) return good(b.select((text:gsub("^SELECT ", ""))):run_with(db)):query() end },
  { "execute: ", function(db, text) return good(b.select((text:gsub("^SELECT ", ""))):run_with(db)):exec() end },
  { "tx query: ", in_transaction(function(tx, text) return tx:query(text) end) },
  { "tx execute: ", in_transaction(function(tx, text) return tx:execute(text) end) },
  { "stmt query: ", in_transaction(function(tx, text) return good(tx:prepare(text)):query() end) },
  { "stmt execute: ", in_transaction(function(tx, text) return good(tx:prepare(text)):execute() end) },
  { "query: ", in_transaction(function(tx, text) return good(b.select((text:gsub("^SELECT ", ""))):run_with(tx)):query() end) },
  { "execute: ", in_transaction(function(tx, text) return good(b.select((text:gsub("^SELECT ", ""))):run_with(tx)):exec() end) },
}

-- Servers that cannot be reached, refuse, or say nothing: for all that need a connection.
local function unreachable(scheme, timeout)
  local silent = os.getenv("WEB_BROKEN_URL"):match("//(.*)")
  local cases = {
    [errors.UNAVAILABLE] = scheme .. "://a:b@127.0.0.1:1/c",
    [errors.PERMISSION_DENIED] = databases[scheme]:gsub("secret", "wrong"),
    [errors.TIMEOUT] = ("%s://a:b@%s/c?%s"):format(scheme, silent, timeout),
  }
  for kind, url in pairs(cases) do
    local db = databases.open(url)
    fails(kind, "query: ", db:query("SELECT 1"))
    fails(kind, "execute: ", db:execute("SELECT 1"))
    fails(kind, "prepare: ", db:prepare("SELECT 1"))
    fails(kind, "begin: ", db:begin())
  end
end

do -- postgres
  local db = databases.open(databases.postgres .. "?statement_timeout=100")
  local f, t, g = databases.fresh("f"), databases.fresh("t"), databases.fresh("g")
  good(db:execute(([[CREATE FUNCTION %s(state TEXT) RETURNS INT LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'on purpose'; END $$]]):format(f)))
  local conditions = {
    { errors.INVALID, "SELECT 1 / 0" },
    { errors.INVALID, ("SELECT %s('23503')"):format(f) },
    { errors.ALREADY_EXISTS, ("SELECT %s('23505')"):format(f) },
    { errors.CONFLICT, ("SELECT %s('40001')"):format(f) },
    { errors.PERMISSION_DENIED, ("SELECT %s('42501')"):format(f) },
    { errors.UNAVAILABLE, "SELECT pg_terminate_backend(pg_backend_pid())" },
    { errors.TIMEOUT, "SELECT pg_sleep(100)" },
    { errors.CANCELED, "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(100)" },
    { errors.INTERNAL, ("SELECT %s('P0001')"):format(f) },
  }
  for _, condition in ipairs(conditions) do
    for _, runner in ipairs(runners) do fails(condition[1], runner[1], runner[2](db, condition[2])) end
  end

  -- A commit does what was deferred. Whatever comes of it, the transaction is over.
  good(db:execute(("CREATE TABLE %s (what TEXT, a INT, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)"):format(t)))
  good(db:execute(("CREATE FUNCTION %s() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN EXECUTE new.what; RETURN NULL; END $$"):format(g)))
  good(db:execute(([[CREATE CONSTRAINT TRIGGER late AFTER INSERT ON %s DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION %s()]]):format(t, g)))
  local insert = ("INSERT INTO %s VALUES ($1, $2)"):format(t)
  for i, condition in ipairs(conditions) do
    local tx = good(db:begin())
    -- The server knows no timeout for commits: here somebody else says that it took too long.
    local what = condition[1] == errors.TIMEOUT and ("SELECT %s('57014')"):format(f) or condition[2]
    good(tx:execute(insert, { what, i }))
    fails(condition[1], "tx commit: ", tx:commit())
    fails(errors.INVALID, "transaction is not active", tx:query("SELECT 1"))
    fails(errors.INVALID, "transaction is not active", tx:commit())
    fails(errors.INVALID, "transaction is not active", tx:rollback())
  end
  local tx = good(db:begin())
  for _ = 1, 2 do good(tx:execute(insert, { "SELECT 1", 1 })) end
  fails(errors.ALREADY_EXISTS, "tx commit: ", tx:commit())

  -- Only the way to the server fails the others.
  for _, method in ipairs { "savepoint", "rollback_to", "release", "commit", "rollback", "query", "execute", "prepare" } do
    tx = good(db:begin())
    good(tx:savepoint("s"))
    local stmt = good(tx:prepare("SELECT 1"))
    fails(errors.UNAVAILABLE, "tx query: ", tx:query("SELECT pg_terminate_backend(pg_backend_pid())"))
    fails(errors.UNAVAILABLE, "tx " .. method, tx[method](tx, "s"))
    tx:rollback()
    fails(errors.INVALID, "statement is closed", stmt:query())
  end

  -- To prepare is to look at tables: somebody may hold them, or not let others see them.
  local role = databases.fresh("role")
  good(db:execute(("CREATE SCHEMA s%s; CREATE TABLE s%s.hidden (a INT); CREATE ROLE %s LOGIN PASSWORD 'x'"):format(role, role, role)))
  local holder = good(db:begin())
  good(holder:execute(("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE"):format(t)))
  local others = {
    [errors.TIMEOUT] = { databases.postgres .. "?statement_timeout=50", "SELECT * FROM " .. t },
    [errors.CONFLICT] = { databases.postgres .. "?lock_timeout=50", "SELECT * FROM " .. t },
    [errors.PERMISSION_DENIED] = { ("postgres://%s:x@127.0.0.1:55432/moonlet"):format(role), ("SELECT * FROM s%s.hidden"):format(role) },
    [errors.INTERNAL] = { databases.postgres, "SELECT 1" .. (", 1"):rep(2000) },
    [errors.INVALID] = { databases.postgres, "SELEC" },
  }
  for kind, case in pairs(others) do
    local other = databases.open(case[1])
    fails(kind, "prepare: ", other:prepare(case[2]))
    fails(kind, "tx prepare: ", in_transaction(function(tx) return tx:prepare(case[2]) end)(other))
  end
  local name = databases.fresh("canceled")
  local canceled = databases.open(databases.postgres .. "?application_name=" .. name)
  for operation, prepare in pairs { ["prepare: "] = canceled.prepare, ["tx prepare: "] = in_transaction(function(tx, text) return tx:prepare(text) end) } do
    local done = channel.new(1)
    coroutine.spawn(function() done:send { prepare(canceled, "SELECT * FROM " .. t) } end)
    local waiting = ("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '%s' AND wait_event_type = 'Lock'"):format(name)
    repeat until good(db:query(waiting))[1]
    local result = done:receive()
    fails(errors.CANCELED, operation, result[1], result[2])
  end
  good(holder:rollback())
  good(db:execute(("DROP SCHEMA s%s CASCADE; DROP ROLE %s; DROP TABLE %s; DROP FUNCTION %s; DROP FUNCTION %s"):format(role, role, t, g, f)))
  unreachable("postgres", "sslmode=disable&connect_timeout=1")
end

do -- mysql
  local db = databases.open(databases.mysql .. "?readTimeout=200ms")
  local f = databases.fresh("f")
  good(db:execute(([[CREATE FUNCTION %s(number INT) RETURNS INT DETERMINISTIC
    BEGIN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = number, MESSAGE_TEXT = 'on purpose'; RETURN 1; END]]):format(f)))
  for _, condition in ipairs {
    { errors.INVALID, ("SELECT %s(1364)"):format(f) },
    { errors.ALREADY_EXISTS, ("SELECT %s(1062)"):format(f) },
    { errors.CONFLICT, ("SELECT %s(1205)"):format(f) },
    { errors.PERMISSION_DENIED, ("SELECT %s(1142)"):format(f) },
    { errors.UNAVAILABLE, ("SELECT %s(1053)"):format(f) },
    { errors.TIMEOUT, "SELECT SLEEP(100)" },
    { errors.CANCELED, ("SELECT %s(1317)"):format(f) },
    { errors.INTERNAL, ("SELECT %s(1644)"):format(f) },
  } do
    for _, runner in ipairs(runners) do fails(condition[1], runner[1], runner[2](db, condition[2])) end
  end
  good(db:execute("DROP FUNCTION " .. f))
  -- A session in the middle of whose statement nobody waited any more is of no use.
  local late = good(db:begin())
  fails(errors.TIMEOUT, "tx query: ", late:query("SELECT SLEEP(100)"))
  fails(errors.UNAVAILABLE, "tx query: ", late:query("SELECT 1"))
  fails(errors.UNAVAILABLE, "tx savepoint: ", late:savepoint("s"))
  fails(errors.UNAVAILABLE, "tx rollback: ", late:rollback())

  -- One statement that another session stops, and one whose session it ends.
  local victim = databases.open(databases.mysql)
  for how, kind in pairs { ["KILL QUERY "] = errors.CANCELED, ["KILL "] = errors.UNAVAILABLE } do
    local tx = good(victim:begin())
    local id = good(tx:query("SELECT CONNECTION_ID() AS id"))[1].id
    local done = channel.new(1)
    coroutine.spawn(function() done:send { tx:query("SELECT SLEEP(100)") } end)
    local busy = ("SELECT 1 FROM information_schema.processlist WHERE id = %d AND state LIKE 'User sleep'"):format(id)
    repeat until good(db:query(busy))[1]
    good(db:execute(how .. id))
    local result = done:receive()
    fails(kind, "tx query: ", result[1], result[2])
    if kind == errors.CANCELED then
      assert(good(tx:query("SELECT 1 AS one"))[1].one == 1, "the transaction goes on")
      good(tx:rollback())
    else
      for _, method in ipairs { "savepoint", "rollback_to", "release", "query", "execute", "prepare", "commit" } do
        fails(errors.UNAVAILABLE, "tx " .. method, tx[method](tx, "s"))
      end
    end
  end
  unreachable("mysql", "timeout=100ms")
end

do -- sqlite
  local path = os.tmpname()
  os.remove(path)
  local db = databases.open("sqlite:" .. path)
  good(db:execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL, CHECK (b < 10))"))
  good(db:execute("INSERT INTO t VALUES (1, 1)"))
  local inserts = {
    function(db, text) return db:query(text) end,
    function(db, text) return db:execute(text) end,
    function(db, text) return good(db:prepare(text)):query() end,
    function(db, text) return good(db:prepare(text)):execute() end,
    function(db) return good(b.insert("t"):values(1, 2):run_with(db)):query() end,
    function(db) return good(b.insert("t"):values(1, 2):run_with(db)):exec() end,
    in_transaction(function(tx, text) return tx:query(text) end),
    in_transaction(function(tx, text) return tx:execute(text) end),
    in_transaction(function(tx, text) return good(tx:prepare(text)):query() end),
    in_transaction(function(tx, text) return good(tx:prepare(text)):execute() end),
  }
  for i, insert in ipairs(inserts) do
    fails(errors.ALREADY_EXISTS, "", insert(db, "INSERT INTO t VALUES (1, 2)"))
    if i < 5 or i > 6 then
      fails(errors.INVALID, "", insert(db, "INSERT INTO t VALUES (2, NULL)"))
      fails(errors.INVALID, "", insert(db, "INSERT INTO t VALUES (2, 10)"))
    end
  end
  -- Under other names the same file is another database, which waits a while for the lock: all at the same time.
  local serializable = { isolation = sql.isolation.SERIALIZABLE }
  local tx = good(db:begin(serializable))
  inserts[#inserts + 1] = function(db) return db:begin(serializable) end
  local results, other = channel.new(#inserts), nil
  for i, insert in ipairs(inserts) do
    other = databases.open("sqlite:" .. path:gsub("^(.*)/", "%1" .. ("/."):rep(i) .. "/"))
    coroutine.spawn(function(db)
      local value, err = insert(db, "INSERT INTO t VALUES (1, 2)")
      results:send { value, err }
    end, other)
  end
  for _ = 1, #inserts do
    local result = results:receive()
    fails(errors.CONFLICT, "locked", result[1], result[2])
  end
  good(tx:rollback())
  good(good(other:begin(serializable)):rollback())
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  local absent = databases.open("sqlite:/no/such/folder/at.all")
  fails(errors.UNAVAILABLE, "query: ", absent:query("SELECT 1"))
  fails(errors.UNAVAILABLE, "execute: ", absent:execute("SELECT 1"))
  fails(errors.UNAVAILABLE, "prepare: ", absent:prepare("SELECT 1"))
  fails(errors.UNAVAILABLE, "begin: ", absent:begin())
end
