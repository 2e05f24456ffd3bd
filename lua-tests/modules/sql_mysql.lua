-- The sql module on MySQL's protocol (MariaDB).

local sql = require("sql")
local time = require("time")
local databases = require("support.databases")
local good, bad = databases.good, databases.bad

local e = {
  url = databases.mysql, name = "mysql", mark = function() return "?" end, serial = "INTEGER PRIMARY KEY AUTO_INCREMENT",
  binary = "VARBINARY(100)", text = "CHAR", integer = "SIGNED", float = "DOUBLE", boolean = "SIGNED", truth = 1, last_id = true,
  slow = "SELECT SLEEP(100)",
}
local db = require("support.battery")(e)

-- types
local t = databases.fresh("k")
good(db:execute(([[CREATE TABLE %s (a TINYINT(1), b BIGINT UNSIGNED, c DECIMAL(10,3), d DATE, e DATETIME, f DATETIME(3), g TIME, h TIMESTAMP NULL,
  i YEAR, j JSON, k BIT(16), l ENUM('x','y'), m FLOAT, n BLOB, o TEXT)]]):format(t)))
good(db:execute(("INSERT INTO %s VALUES (1, 18446744073709551615, 12.340, '2024-05-01', '2024-05-01 10:00:00', '2024-05-01 10:00:00.5', '-26:00:01', ?, 2024, '[1]', 258, 'y', 1.1, ?, 'é')"):format(t),
  { time.unix(86400, 0), "\0\xff" }))
do
  local row = good(db:query(("SELECT * FROM %s"):format(t)))[1]
  for name, value in pairs {
    a = 1, b = "18446744073709551615", c = "12.340", d = "2024-05-01", e = "2024-05-01 10:00:00", f = "2024-05-01 10:00:00.500", g = "-26:00:01",
    h = "1970-01-02 00:00:00", i = 2024, j = "[1]", k = "\1\2", l = "y", m = 1.1, n = "\0\xff", o = "é",
  } do
    assert(row[name] == value and math.type(row[name]) == math.type(value), name .. " is " .. tostring(row[name]))
  end
  local parsed = databases.open(databases.mysql .. "?parseTime=true")
  row = good(parsed:query(("SELECT d, e, f, h FROM %s"):format(t)))[1]
  assert(row.d == "2024-05-01" and row.e == "2024-05-01T10:00:00Z" and row.f == "2024-05-01T10:00:00.5Z" and row.h == "1970-01-02T00:00:00Z")
  assert(good(db:query("SELECT SUM(n) AS s FROM (SELECT 1 AS n UNION ALL SELECT 2) AS x"))[1].s == "3", "SUM is a DECIMAL")
end
bad("Invalid", "execute", db:execute(("INSERT INTO %s (d) VALUES ('no date')"):format(t)))
bad("Invalid", "execute", db:execute("SELECT 1; SELECT 2"))
good(db:execute("DROP TABLE " .. t))

-- a deadlock ends the transaction that loses
do
  good(db:execute(("CREATE TABLE %s (id INT PRIMARY KEY, n INT)"):format(t)))
  good(db:execute(("INSERT INTO %s VALUES (1, 0), (2, 0)"):format(t)))
  local one, two = good(db:begin()), good(db:begin())
  local change = ("UPDATE %s SET n = n + 1 WHERE id = ?"):format(t)
  good(one:execute(change, { 1 }))
  good(two:execute(change, { 2 }))
  local done = channel.new(1)
  coroutine.spawn(function()
    local result, err = one:execute(change, { 2 })
    done:send(err or true)
  end)
  time.sleep("50ms")
  local result, err = two:execute(change, { 1 })
  local other = done:receive()
  local failed = err or other
  assert(failed ~= true and failed:kind() == "Conflict" and failed:retryable() == true and failed:details().code == "1213")
  local loser, winner = one, two
  if err then loser, winner = two, one end
  bad("Invalid", "not active", loser:execute(change, { 1 }))
  good(winner:commit())
  good(db:execute("DROP TABLE " .. t))
end

-- foreign keys, rights, time, the way to the server
do
  local child = databases.fresh("child")
  good(db:execute(("CREATE TABLE %s (id INT PRIMARY KEY)"):format(t)))
  good(db:execute(("CREATE TABLE %s (p INT, CONSTRAINT family FOREIGN KEY (p) REFERENCES %s (id))"):format(child, t)))
  local err = bad("Invalid", "execute", db:execute(("INSERT INTO %s VALUES (1)"):format(child)))
  assert(err:details().constraint == "family")
  good(db:execute("DROP TABLE " .. child))
  good(db:execute("DROP TABLE " .. t))
  bad("PermissionDenied", "query", databases.open("mysql://moonlet:wrong@127.0.0.1:53306/moonlet"):query("SELECT 1"))
  assert(bad("Unavailable", "query", databases.open("mysql://a:b@127.0.0.1:1/c"):query("SELECT 1")):retryable() == true)
  assert(bad("Timeout", "query", databases.open(databases.mysql .. "?readTimeout=100ms"):query("SELECT SLEEP(10)")):retryable() == true)
  bad("Invalid", "unknown option", sql.get(databases.mysql .. "?nonsense=1"))
  bad("Invalid", "tls", databases.open(databases.mysql .. "?tls=perhaps"):query("SELECT 1"))
  local one = databases.open(databases.mysql .. "?charset=utf8mb4")
  local id = good(one:query("SELECT CONNECTION_ID() AS id"))[1].id
  good(db:execute("KILL " .. id))
  bad("Unavailable", "query", one:query("SELECT 1"))
  assert(good(one:query("SELECT 1 AS one"))[1].one == 1, "a new session")
end
