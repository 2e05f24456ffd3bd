-- The sql module on PostgreSQL.

local sql = require("sql")
local time = require("time")
local databases = require("support.databases")
local good, bad = databases.good, databases.bad

local e = {
  url = databases.postgres, name = "postgres", mark = function(i) return "$" .. i end, serial = "SERIAL PRIMARY KEY",
  binary = "BYTEA", text = "TEXT", integer = "BIGINT", float = "DOUBLE PRECISION", boolean = "BOOLEAN", truth = true,
  fails_whole = true, slow = "SELECT pg_sleep(100)",
}
local db = require("support.battery")(e)

-- types
local function typed(expression, ...)
  return good(db:query("SELECT " .. expression .. " AS v", ...))[1].v
end
for expression, value in pairs {
  ["1::int2"] = 1, ["2::int8"] = 2, ["3::oid"] = 3, ["true"] = true, ["1.5::float4"] = 1.5, ["0.1::float8"] = 0.1, ["12.340::numeric"] = "12.340",
  ["'a'::char(3)"] = "a  ", ["'x'::text"] = "x", ["'\\x00ff'::bytea"] = "\0\xff", ["'{\"a\": 1}'::jsonb"] = '{"a": 1}', ["'[1,2]'::json"] = "[1,2]",
  ["'2024-05-01 10:00:00+02'::timestamptz"] = "2024-05-01T08:00:00Z", ["'2024-05-01 10:00:00.25'::timestamp"] = "2024-05-01T10:00:00.25Z",
  ["'2024-05-01'::date"] = "2024-05-01", ["'10:00'::time"] = "10:00:00", ["'1 day 2 hours'::interval"] = "1 day 02:00:00",
  ["ARRAY[1,NULL,3]"] = "{1,NULL,3}", ["int4range(1,5)"] = "[1,5)", ["ROW(1,'a')"] = "(1,a)", ["'10.0.0.1'::inet"] = "10.0.0.1",
  ["'550e8400-e29b-41d4-a716-446655440000'::uuid"] = "550e8400-e29b-41d4-a716-446655440000", ["'infinity'::timestamptz"] = "infinity",
} do
  local got = typed(expression)
  assert(got == value and math.type(got) == math.type(value), expression .. " is " .. tostring(got))
end
assert(typed("NULL") == nil and typed("'NaN'::float8") ~= typed("'NaN'::float8") and typed("'Infinity'::float8") == 1 / 0)
-- the server decides what a parameter is
assert(typed("$1::int4", { "42" }) == 42 and typed("$1::int4", { 42 }) == 42 and typed("$1::int4 + 1", { 3.0 }) == 4)
assert(typed("$1::date", { "2024-05-01" }) == "2024-05-01" and typed("($1::jsonb)->>'a'", { '{"a":"b"}' }) == "b")
assert(typed("$1::timestamptz", { time.unix(1, 500000000) }) == "1970-01-01T00:00:01.5Z")
assert(typed("$1::bool", { false }) == false and typed("$1::float8", { 1 / 0 }) == 1 / 0 and typed("$1::bytea", { "\xff" }) == "\xff")
assert(typed("$1", { "untyped" }) == "untyped")
do
  local err = bad("Invalid", "query", db:query("SELECT $1::int4", { "secret" }))
  assert(not err:message():find("secret") and err:details().code == "22P02")
  bad("Invalid", "query", db:query("SELECT $1::int4", { 1 << 40 }))
  bad("Invalid", "query", db:query("SELECT 1 / $1", { 0 }))
  bad("Invalid", "query", db:query("SELECT '\0'"))
end

-- several statements at a time, RETURNING, a changed table
do
  local t = databases.fresh("r")
  local result = good(db:execute(("CREATE TABLE %s (a INT); INSERT INTO %s VALUES (1), (2)"):format(t, t)))
  assert(result.rows_affected == 2 and result.last_insert_id == 0)
  local rows = good(db:query(("INSERT INTO %s VALUES ($1) RETURNING a + 1 AS next"):format(t), { 5 }))
  assert(rows[1].next == 6)
  local all = ("SELECT * FROM %s ORDER BY a"):format(t)
  assert(#good(db:query(all)) == 3)
  good(db:execute(("ALTER TABLE %s ADD COLUMN b TEXT DEFAULT 'new'"):format(t)))
  for _ = 1, 5 do assert(good(db:query(all))[1].b == "new", "statements are prepared anew") end
  bad("Invalid", "COPY", db:execute(("COPY %s FROM STDIN"):format(t)))
  good(db:execute("DROP TABLE " .. t))
end

-- constraints
do
  local t, child = databases.fresh("parent"), databases.fresh("child")
  good(db:execute(("CREATE TABLE %s (id INT PRIMARY KEY)"):format(t)))
  good(db:execute(("CREATE TABLE %s (p INT CONSTRAINT family REFERENCES %s (id))"):format(child, t)))
  local err = bad("Invalid", "execute", db:execute(("INSERT INTO %s VALUES (1)"):format(child)))
  assert(err:details().constraint == "family" and err:details().code == "23503" and err:retryable() == false)
  good(db:execute("DROP TABLE " .. child))
  good(db:execute("DROP TABLE " .. t))
end

-- conflicts
do
  local t = databases.fresh("c")
  good(db:execute(("CREATE TABLE %s (a INT); INSERT INTO %s VALUES (1)"):format(t, t)))
  local one = good(db:begin { isolation = sql.isolation.SERIALIZABLE })
  local two = good(db:begin { isolation = sql.isolation.SERIALIZABLE })
  for _, tx in ipairs { one, two } do good(tx:query(("SELECT SUM(a) AS s FROM %s"):format(t))) end
  for _, tx in ipairs { one, two } do good(tx:execute(("INSERT INTO %s VALUES (1)"):format(t))) end
  good(one:commit())
  local err = bad("Conflict", "tx commit", two:commit())
  assert(err:retryable() == true and err:details().code == "40001")
  good(db:execute("DROP TABLE " .. t))
end
-- a commit after a failure
do
  local tx = good(db:begin())
  bad("Invalid", "tx query", tx:query("SELEC"))
  bad("Invalid", "tx commit", tx:commit())
end
-- rights, time, the way to the server
do
  local role = databases.fresh("role")
  good(db:execute(("CREATE ROLE %s LOGIN PASSWORD 'x'"):format(role)))
  local other = databases.open(("postgres://%s:x@127.0.0.1:55432/moonlet"):format(role))
  bad("PermissionDenied", "query", other:query("SELECT * FROM pg_authid"))
  bad("PermissionDenied", "query", databases.open("postgres://moonlet:wrong@127.0.0.1:55432/moonlet"):query("SELECT 1"))
  bad("Timeout", "query", databases.open(databases.postgres .. "?statement_timeout=50"):query("SELECT pg_sleep(10)"))
  local err = bad("Unavailable", "query", databases.open("postgres://a:b@127.0.0.1:1/c"):query("SELECT 1"))
  assert(err:retryable() == true)
  bad("Unavailable", "TLS", databases.open(databases.postgres .. "?sslmode=require"):query("SELECT 1"))
  bad("Invalid", "sslmode", sql.get(databases.postgres .. "?sslmode=perhaps"))
  assert(databases.open(databases.postgres .. "?application_name=tests&search_path=pg_catalog"):query("SHOW search_path")[1].search_path == "pg_catalog")
  -- a session that the server ends
  local one = databases.open(databases.postgres .. "?application_name=ended")
  local pid = good(one:query("SELECT pg_backend_pid() AS pid"))[1].pid
  good(db:query("SELECT pg_terminate_backend($1)", { pid }))
  bad("Unavailable", "query", one:query("SELECT 1"))
  assert(good(one:query("SELECT 1 AS one"))[1].one == 1, "a new session")
  good(db:execute(("DROP ROLE %s"):format(role)))
end
