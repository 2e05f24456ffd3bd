-- Keeps things to do. Whoever uses it does not know where: here in a table of a database, under ids that are in the order
-- in which the things were made.

local sql, uuid = require("sql"), require("uuid")

export type Title = string @min_len(1) @max_len(200)
export type Todo = {id: string, title: Title, done: boolean}
export type Page = {todos: {Todo}, more: boolean}
export type Draft = {title: Title, done?: boolean} @closed
export type Change = {title?: Title, done?: boolean} @closed

local M = { Draft = Draft, Change = Change }

-- The rows that a statement gives. The table is made when it is missing.
local function query(statement: string, parameters: table): ({sql.Row}?, error?)
  local db = assert(sql.get("todo:database"))
  assert(db:execute "CREATE TABLE IF NOT EXISTS todos (id TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL)")
  return db:query(statement, parameters)
end

-- The database knows no booleans, only 0 and 1.
local function todo_of(row: sql.Row): Todo
  return { id = row.id, title = row.title, done = row.done == 1 }
end

-- The thing that a statement is about.
local function one(id: string, statement: string, parameters: table): (Todo?, error?)
  local rows, err = query(statement, parameters)
  if not rows then return nil, err end
  if not rows[1] then return nil, errors.new { message = "there is no thing " .. id, kind = errors.NOT_FOUND } end
  return todo_of(rows[1])
end

function M.create(draft: Draft): (Todo?, error?)
  local id = assert(uuid.v7())
  return one(id, "INSERT INTO todos VALUES (?, ?, ?) RETURNING *", { id, draft.title, draft.done or false })
end

function M.read(id: string): (Todo?, error?)
  return one(id, "SELECT * FROM todos WHERE id = ?", { id })
end

-- Up to `limit` things behind the one with the id `after`.
function M.list(after: string?, limit: integer): (Page?, error?)
  -- One more tells whether there are more.
  local rows, err = query("SELECT * FROM todos WHERE id > ? ORDER BY id LIMIT ?", { after or "", limit + 1 })
  if not rows then return nil, err end
  local todos = {}
  for i = 1, math.min(#rows, limit) do todos[i] = todo_of(rows[i]) end
  return { todos = todos, more = #rows > limit }
end

-- Changes what the change speaks of, and leaves the rest.
function M.update(id: string, change: Change): (Todo?, error?)
  local statement = "UPDATE todos SET title = COALESCE(?, title), done = COALESCE(?, done) WHERE id = ? RETURNING *"
  return one(id, statement, { change.title, change.done, id })
end

-- Deletes a thing, and tells what it was.
function M.delete(id: string): (Todo?, error?)
  return one(id, "DELETE FROM todos WHERE id = ? RETURNING *", { id })
end

return M
