-- What the Rust program in src/ does, through the module sql: inserts in one transaction, then reads of single rows.
-- Prints for each engine: its name, seconds of the inserts, seconds of the reads.

local sql = require("sql")
local time = require("time")

local ROWS = 100000
local ENGINES = {
  { "embedded", "sqlite::memory:", "?", "?", "?" },
  { "postgres", "postgres://moonlet:secret@127.0.0.1:55432/moonlet", "$1", "$2", "$3" },
}

for _, engine in ipairs(ENGINES) do
  local name, url, first, second, third = table.unpack(engine)
  local db = assert(sql.get(url))
  assert(db:execute("DROP TABLE IF EXISTS bench_lua"))
  assert(db:execute("CREATE TABLE bench_lua (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)"))
  local begin = time.now()
  local tx = assert(db:begin())
  local insert = assert(tx:prepare(("INSERT INTO bench_lua VALUES (%s, %s, %s)"):format(first, second, third)))
  for i = 1, ROWS do assert(insert:execute { i, "name " .. i, i * 7 }) end
  assert(tx:commit())
  local middle = time.now()
  local read = assert(db:prepare(("SELECT name, n FROM bench_lua WHERE id = %s"):format(first)))
  for i = 1, ROWS do
    local row = assert(read:query { i })[1]
    assert(row.n == i * 7)
  end
  local last = time.now()
  print(("%s %.3f %.3f"):format(name, middle:sub(begin):seconds(), last:sub(middle):seconds()))
  assert(db:execute("DROP TABLE bench_lua"))
end
