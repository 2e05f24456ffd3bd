-- sql.builder: the texts it makes. Module specification §2.8.

local sql = require("sql")
local b = sql.builder

local function is(builder, text, ...)
  local got, args = builder:to_sql()
  assert(got == text, tostring(got and got or args:message()) .. "\nexpected " .. text)
  local expected = table.pack(...)
  assert(#args == expected.n, #args .. " arguments")
  for i = 1, expected.n do assert(args[i] == expected[i], "argument " .. i) end
end
local function incomplete(builder, text)
  local got, err = builder:to_sql()
  assert(got == nil and err:kind() == errors.INVALID and err:message():find(text, 1, true), got or err:message())
  assert(tostring(builder):find(" Error: ", 1, true))
end

-- comparisons
is(b.eq { b = 2, a = 1 }, "a = ? AND b = ?", 1, 2)
is(b.eq { a = sql.NULL }, "a IS NULL")
is(b.eq { a = { 1, 2 } }, "a IN (?,?)", 1, 2)
is(b.eq { a = {} }, "(1=0)")
is(b.eq {}, "(1=1)")
is(b.not_eq { a = 1 }, "a <> ?", 1)
is(b.not_eq { a = sql.NULL }, "a IS NOT NULL")
is(b.not_eq { a = { "x", sql.NULL } }, "a NOT IN (?,?)", "x", sql.NULL)
is(b.not_eq { a = {} }, "(1=1)")
is(b.not_eq {}, "(1=1)")
is(b.lt { a = 1, b = 2 }, "a < ? AND b < ?", 1, 2)
is(b.lte { a = 1 }, "a <= ?", 1)
is(b.gt { a = 1 }, "a > ?", 1)
is(b.gte { a = 1.5 }, "a >= ?", 1.5)
is(b.like { a = "x%" }, "a LIKE ?", "x%")
is(b.not_like { a = "x%" }, "a NOT LIKE ?", "x%")
is(b.lt {}, "")
for _, name in ipairs { "lt", "lte", "gt", "gte", "like", "not_like" } do
  incomplete(b[name] { a = sql.NULL }, "NULL")
  incomplete(b[name] { a = { 1 } }, "list")
  incomplete(b[name] { a = {} }, "list")
end
incomplete(b.eq { a = print }, "function")
incomplete(b.not_eq { a = print }, "function")
is(b.eq { a = 1, [5] = 2, [print] = 3 }, "a = ?", 1)
is(b.eq { a = b.expr("lower(?)", "X") }, "a = lower(?)", "X")
assert(not pcall(b.eq, "a") and not pcall(b.eq))
-- expressions and combinations
is(b.expr("a BETWEEN ? AND ?", 1, 2), "a BETWEEN ? AND ?", 1, 2)
is(b.expr("x IN (?)", b.select("id"):from("t"):where { n = 1 }), "x IN (SELECT id FROM t WHERE n = ?)", 1)
is(b.expr("a = ? AND ?", 1, b.expr("b > ?", 2)), "a = ? AND b > ?", 1, 2)
incomplete(b.expr("a", 1), "more arguments")
is(b.and_ { b.eq { a = 1 }, { c = 2, b = 3 }, b.gt { d = 4 } }, "(a = ? AND b = ? AND c = ? AND d > ?)", 1, 3, 2, 4)
is(b.or_ { { a = 1 }, b.and_ { { b = 2 }, { c = 3 } } }, "(a = ? OR (b = ? AND c = ?))", 1, 2, 3)
incomplete(b.and_ { b.gt { a = sql.NULL } }, "NULL")
incomplete(b.or_ { { a = 1 }, { b = print } }, "function")
is(b.and_ {}, "(1=1)")
is(b.or_ {}, "(1=0)")
assert(not pcall(b.and_, { "text" }) and not pcall(b.or_, { 5 }) and not pcall(b.or_))
assert(tostring(b.eq { a = 1 }) == "SQL: a = ? [Args: 1]", tostring(b.eq { a = 1 }))

-- select
is(b.select("a", "b"):from("t"), "SELECT a, b FROM t")
is(b.select("1"), "SELECT 1")
is(b.select("a"):columns("b", "c"):distinct():from("t u"), "SELECT DISTINCT a, b, c FROM t u")
is(
  b.select("u.id", "COUNT(*)"):from("users u"):left_join("orders o", "o.user_id = u.id"):join("x ON x.a = ?", 5):inner_join("y USING (id)"):right_join("z", "z.i = ? AND z.j = ?", 6, 7)
    :where("u.age > ?", 18):where { active = true }:where(b.or_ { { a = 1 }, { b = 2 } }):group_by("u.id", "u.name"):having("COUNT(*) > ?", 3):having { c = 1 }
    :order_by("u.id DESC", "u.name"):limit(10):offset(-5):suffix("FOR UPDATE OF ?", 9),
  "SELECT u.id, COUNT(*) FROM users u LEFT JOIN orders o ON o.user_id = u.id JOIN x ON x.a = ? INNER JOIN y USING (id) RIGHT JOIN z ON z.i = ? AND z.j = ? " ..
  "WHERE u.age > ? AND active = ? AND (a = ? OR b = ?) GROUP BY u.id, u.name HAVING COUNT(*) > ? AND c = ? ORDER BY u.id DESC, u.name LIMIT 10 OFFSET 0 FOR UPDATE OF ?",
  5, 6, 7, 18, true, 1, 2, 3, 1, 9
)
incomplete(b.select(), "columns")
local wrong: any = "x"
assert(not pcall(b.select, 5) and not pcall(function() b.select("a"):where(5) end) and not pcall(function() b.select("a"):limit(wrong) end))
do -- builders are values
  local base = b.select("a"):from("t")
  local one, two = base:where { x = 1 }, base:where { y = 2 }
  is(base, "SELECT a FROM t")
  is(one, "SELECT a FROM t WHERE x = ?", 1)
  is(two, "SELECT a FROM t WHERE y = ?", 2)
  assert(tostring(one) == "SelectBuilder: SELECT a FROM t WHERE x = ? [Args: 1]", tostring(one))
end

-- insert
is(b.insert("t"):columns("a", "b"):values(1, sql.NULL):values(2, "x"), "INSERT INTO t (a,b) VALUES (?,?),(?,?)", 1, sql.NULL, 2, "x")
is(b.insert():into("t"):values(1), "INSERT INTO t VALUES (?)", 1)
is(b.insert("t"):columns("z"):values(0):set_map { b = 2, a = b.expr("NOW()") }, "INSERT INTO t (a,b) VALUES (NOW(),?)", 2)
is(b.insert("t"):columns("a"):select(b.select("x"):from("u"):where { y = 1 }), "INSERT INTO t (a) SELECT x FROM u WHERE y = ?", 1)
is(
  b.insert("t"):options("OR IGNORE"):prefix("WITH w AS (SELECT ?)", 5):columns("a"):values(1):suffix("RETURNING id"),
  "WITH w AS (SELECT ?) INSERT OR IGNORE INTO t (a) VALUES (?) RETURNING id", 5, 1
)
incomplete(b.insert():values(1), "table")
incomplete(b.insert("t"), "values")
assert(tostring(b.insert("t"):values(true)) == "InsertBuilder: INSERT INTO t VALUES (?) [Args: true]")

-- update
is(b.update("t"):set("a", 1):set("n", b.expr("n + ?", 2)):where { id = 3 }, "UPDATE t SET a = ?, n = n + ? WHERE id = ?", 1, 2, 3)
is(b.update():table("t"):set_map { b = 2, a = sql.NULL }, "UPDATE t SET a = ?, b = ?", sql.NULL, 2)
is(b.update("t"):set("a", 1):from("u"):where("t.id = u.id"), "UPDATE t SET a = ? FROM u WHERE t.id = u.id", 1)
is(b.update("t"):set("a", 1):from_select(b.select("x"):from("u"):where { y = 2 }, "s"), "UPDATE t SET a = ? FROM (SELECT x FROM u WHERE y = ?) AS s", 1, 2)
is(b.update("t"):set("a", 1):order_by("id"):limit(2):offset(1):suffix("RETURNING a"), "UPDATE t SET a = ? ORDER BY id LIMIT 2 OFFSET 1 RETURNING a", 1)
incomplete(b.update("t"), "assignments")
incomplete(b.update():set("a", 1), "table")

-- delete
is(b.delete("t"):where { a = 1 }:order_by("b"):limit(3), "DELETE FROM t WHERE a = ? ORDER BY b LIMIT 3", 1)
is(b.delete():from("t"):suffix("RETURNING id"), "DELETE FROM t RETURNING id")
incomplete(b.delete(), "table")

-- placeholders
is(b.select("a"):from("t"):where("x = ? AND y ?? z", 1):where { w = 2 }:placeholder_format(b.dollar), "SELECT a FROM t WHERE x = $1 AND y ? z AND w = $2", 1, 2)
is(b.insert("t"):values(1, 2):placeholder_format(b.at), "INSERT INTO t VALUES (@p1,@p2)", 1, 2)
is(b.update("t"):set("a", 1):placeholder_format(b.colon), "UPDATE t SET a = :1", 1)
is(b.delete("t"):where { a = 1 }:placeholder_format(b.colon):placeholder_format(b.question), "DELETE FROM t WHERE a = ?", 1)
assert(b.default_placeholder == b.question and not pcall(function() b.delete("t"):placeholder_format("#") end))

-- executors
do
  local db = sql.get("sqlite::memory:builder")
  local ex = assert(b.delete("t"):where { a = 1 }:order_by("b"):limit(3):run_with(db))
  local text, args = ex:to_sql()
  assert(text == "DELETE FROM t WHERE rowid IN (SELECT rowid FROM t WHERE a = ? ORDER BY b LIMIT 3)" and #args == 1 and args[1] == 1)
  assert(tostring(ex):find("^Executor: DELETE FROM t"))
  for _, unfinished in ipairs { b.select(), b.insert("t"), b.update("t"), b.delete() } do
    local none, err = unfinished:run_with(db)
    assert(none == nil and err:kind() == errors.INVALID)
  end
  assert(not pcall(function() b.select("1"):run_with(wrong) end) and not pcall(function() b.select("1"):run_with() end))
  local typed = select(2, b.insert("t"):values(sql.as.binary("\1"), sql.as.int(2.5), require("time").unix(0, 0)):to_sql())
  assert(type(typed[1]) == "userdata" and typed[2] == 2 and typed[3]:unix() == 0)
end
