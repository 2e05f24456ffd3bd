-- Databases for tests. The servers are those of tools/services; a test that does not find them fails.

local sql = require("sql")

local M = {
  sqlite = "sqlite::memory:",
  postgres = "postgres://moonlet:secret@127.0.0.1:55432/moonlet",
  mysql = "mysql://moonlet:secret@127.0.0.1:53306/moonlet",
}

-- A handle; an error names the server that is missing.
function M.open(url)
  local db, err = sql.get(url)
  if not db then error(err:message(), 2) end
  return db
end

-- What succeeds, with one result.
function M.good(value, err)
  if value == nil or err ~= nil then error(tostring(err), 2) end
  return value
end

-- `nil, err` of this kind with this text in the message.
function M.bad(kind, text, value, err)
  if value ~= nil or err == nil then error("it succeeded", 2) end
  if err:kind() ~= kind or not err:message():find(text, 1, true) then
    error(("expected %s %q, got %s: %s"):format(kind, text, err:kind(), err:message()), 2)
  end
  return err
end

-- A name for a table that no other run uses.
function M.fresh(base)
  return ("%s_%s"):format(base, process.pid():gsub("%W", "")) .. math.random(0, 1 << 40)
end

return M
