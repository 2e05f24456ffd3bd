-- The sql module on the embedded engine.

local sql = require("sql")
local databases = require("support.databases")
local good, bad = databases.good, databases.bad

assert(not pcall(sql.get))
bad("Invalid", "empty", sql.get(""))
bad("NotFound", "no such database", sql.get("app:db"))
bad("NotFound", "no such database", sql.get("\xff"))
bad("Invalid", "no file", sql.get("sqlite:"))
assert(sql.type.SQLITE == "sqlite" and sql.type.UNKNOWN == "unknown" and type(sql.NULL) == "userdata")
assert(sql.type.POSTGRES == "postgres" and sql.type.MYSQL == "mysql")
for _, level in ipairs { "DEFAULT", "READ_UNCOMMITTED", "READ_COMMITTED", "WRITE_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE" } do
  assert((sql.isolation :: any)[level] == level:lower())
end
assert(not pcall(function() (sql :: any).get = nil end) and not pcall(function() (sql.builder :: any).eq = nil end))

local e = {
  url = databases.sqlite, name = "sqlite", mark = function() return "?" end, serial = "INTEGER PRIMARY KEY AUTOINCREMENT",
  binary = "BLOB", text = "TEXT", integer = "INTEGER", float = "REAL", boolean = "INTEGER", truth = 1, last_id = true,
  slow = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000000) SELECT COUNT(*) AS n FROM c",
}
local db = require("support.battery")(e)

-- storage classes
good(db:execute("CREATE TABLE kinds (a, b BOOLEAN, c DATETIME)"))
good(db:execute("INSERT INTO kinds VALUES (?, ?, ?)", { "text", true, require("time").unix(0, 0):utc() }))
do
  local row = good(db:query("SELECT a, b, c, typeof(a) AS ta, 1 AS x, 2 AS x FROM kinds"))[1]
  assert(row.a == "text" and row.b == 1 and row.c == "1970-01-01T00:00:00Z" and row.ta == "text" and row.x == 2)
  good(db:execute("UPDATE kinds SET a = ?", { "\xff\0" }))
  row = good(db:query("SELECT a, typeof(a) AS ta FROM kinds"))[1]
  assert(row.a == "\xff\0" and row.ta == "blob")
  assert(good(db:query("SELECT typeof(?) AS t", { 0 / 0 }))[1].t == "null")
  assert(good(db:query("SELECT ?2 AS a, ?1 AS b", { 1, 2 }))[1].a == 2)
  row = good(db:query("SELECT 1 AS x, NULL AS x, 3 AS y"))[1]
  assert(row.x == nil and row.y == 3 and next(row) == "y" and next(row, "y") == nil)
  good(db:execute("DROP TABLE kinds"))
end

-- several statements at a time
do
  local result = good(db:execute("CREATE TABLE m (a); INSERT INTO m VALUES (1), (2); -- nothing\n DELETE FROM m WHERE a = 1;"))
  assert(result.rows_affected == 1)
  bad("Invalid", "execute", db:execute("INSERT INTO m VALUES (3); INSERT INTO nowhere VALUES (4); INSERT INTO m VALUES (5)"))
  assert(good(db:query("SELECT COUNT(*) AS c FROM m"))[1].c == 2, "what came before the failure stays")
  bad("Invalid", "one statement", db:execute("INSERT INTO m VALUES (?); SELECT 1", { 1 }))
  bad("Invalid", "", db:query(""))
  bad("Invalid", "", db:execute(" -- nothing"))
  good(db:execute("DROP TABLE m"))
end

-- more statements than are kept
for _ = 1, 2 do
  for i = 1, 150 do
    local row = good(db:query(("SELECT %d AS c%d, ? AS p"):format(i, i), { i + 1 }))[1]
    assert(row["c" .. i] == i and row.p == i + 1)
  end
end

-- a table that changes under a statement that is kept
do
  good(db:execute("CREATE TABLE g (a)"))
  good(db:execute("INSERT INTO g VALUES (1)"))
  assert(good(db:query("SELECT * FROM g"))[1].a == 1)
  good(db:execute("ALTER TABLE g ADD COLUMN b DEFAULT 'new'"))
  local row = good(db:query("SELECT * FROM g"))[1]
  assert(row.a == 1 and row.b == "new")
  good(db:execute("ALTER TABLE g RENAME COLUMN a TO c"))
  row = good(db:query("SELECT * FROM g"))[1]
  assert(row.a == nil and row.c == 1 and row.b == "new", "the columns have the names of now")
  good(db:execute("DROP TABLE g"))
  bad("Invalid", "query", db:query("SELECT * FROM g"))
end

-- every level is accepted
do
  for _, level in pairs(sql.isolation) do good(good(db:begin { isolation = level }):commit()) end
end

-- a result that does not fit into the memory of the process
do
  local system = require("system")
  assert(system.memory.set_limit(16 << 20))
  local pid = process.spawn_monitored(function()
    local db = assert(require("sql").get("sqlite::memory:"))
    local rows, err = db:query("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) SELECT zeroblob(1000000) AS b FROM c")
    return { rows == nil, err and err:kind(), #db:query("SELECT 1 AS one") }
  end, "app:processes")
  local result = process.events():receive().result
  assert(system.memory.set_limit(-1))
  assert(result.value, tostring(result.error))
  assert(result.value[1] and result.value[2] == errors.INTERNAL and result.value[3] == 1)
end

-- foreign keys
do
  good(db:execute("CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p INTEGER REFERENCES parent (id))"))
  local err = bad("Invalid", "execute", db:execute("INSERT INTO child VALUES (1)"))
  assert(err:details().code == "SQLITE_CONSTRAINT_FOREIGNKEY", err:message())
  good(db:execute("DROP TABLE child; DROP TABLE parent"))
end

-- one connection: who has the transaction cannot pass by it, others wait for its end
do
  good(db:execute("CREATE TABLE w (a)"))
  local tx = good(db:begin())
  bad("Invalid", "transaction is open", db:query("SELECT 1"))
  bad("Invalid", "transaction is open", db:execute("SELECT 1"))
  bad("Invalid", "transaction is open", db:prepare("SELECT 1"))
  bad("Invalid", "transaction is open", db:begin())
  good(tx:execute("INSERT INTO w VALUES (1)"))
  local results = channel.new()
  process.spawn(function(url, results)
    local db = require("sql").get(url)
    results:send("waits")
    results:send(db:query("SELECT COUNT(*) AS c FROM w")[1].c)
  end, "app:processes", e.url, results)
  assert(results:receive() == "waits")
  good(tx:execute("INSERT INTO w VALUES (2)"))
  good(tx:commit())
  assert(results:receive() == 2)
  good(db:execute("DROP TABLE w"))
  -- a transaction begun by a statement does not stay on the connection
  good(db:execute("CREATE TABLE v (a)"))
  db:execute("BEGIN")
  db:execute("INSERT INTO v VALUES (1)")
  assert(good(good(db:begin()):query("SELECT COUNT(*) AS c FROM v"))[1].c <= 1)
end

-- files
do
  local path = os.tmpname()
  os.remove(path)
  local file = databases.open("sqlite:" .. path)
  good(file:execute("CREATE TABLE f (id INTEGER PRIMARY KEY, t TEXT)"))
  local tx = good(file:begin { isolation = sql.isolation.SERIALIZABLE })
  local stmt = good(tx:prepare("INSERT INTO f (t) VALUES (?)"))
  for i = 1, 2000 do assert(good(stmt:execute({ ("row "):rep(50) .. i })).last_insert_id == i) end
  good(tx:commit())
  assert(good(file:query("SELECT COUNT(*) AS c, SUM(LENGTH(t)) AS l FROM f"))[1].c == 2000)
  for i = 1, 2000, 97 do assert(good(file:query("SELECT t FROM f WHERE id = ?", { i }))[1].t == ("row "):rep(50) .. i) end
  assert(good(file:execute("DELETE FROM f WHERE id > 10")).rows_affected == 1990)
  assert(io.open(path, "rb"):read(15) == "SQLite format 3")
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  bad("Unavailable", "", databases.open("sqlite:/no/such/folder/at.all"):query("SELECT 1"))
end
