-- Keeps things to do. Whoever uses it does not know where: here in a store in memory, under keys that are in the order in
-- which the things were made.

local store, uuid = require("store"), require("uuid")

export type Title = string @min_len(1) @max_len(200)
export type Todo = {id: string, title: Title, done: boolean}
export type Page = {todos: {Todo}, more: boolean}
export type Draft = {title: Title, done?: boolean} @closed
export type Change = {title?: Title, done?: boolean} @closed

local M = { Draft = Draft, Change = Change }

local things = assert(store.get("todo:things"))

function M.create(draft: Draft): (Todo?, error?)
  local todo: Todo = { id = assert(uuid.v7()), title = draft.title, done = draft.done or false }
  local _, err = things:put(todo.id, todo, { only_if_absent = true })
  if err then return nil, err end
  return todo
end

function M.read(id: string): (Todo?, error?)
  return things:get(id)
end

-- Up to `limit` things behind the one with the id `after`.
function M.list(after: string?, limit: integer): (Page?, error?)
  local page, err = things:list { after = after, limit = limit }
  if not page then return nil, err end
  local list = {}
  for i, item in ipairs(page.items) do list[i] = item.value end
  return { todos = list, more = page.has_more }
end

-- Changes a thing. If somebody else changes it meanwhile, it is tried again.
function M.update(id: string, change: Change): (Todo?, error?)
  while true do
    local item, err = things:entry(id)
    if not item then return nil, err end
    local todo = item.value
    if change.title then todo.title = change.title end
    if change.done ~= nil then todo.done = change.done end
    local put, conflict = things:put(id, todo, { if_version = item.version })
    if put then return todo end
    if not errors.is(conflict, errors.CONFLICT) then return nil, conflict end
  end
end

-- Deletes a thing, and tells what it was.
function M.delete(id: string): (Todo?, error?)
  local todo, err = things:get(id)
  if not todo then return nil, err end
  local deleted, failure = things:delete(id)
  if not deleted then return nil, failure end
  return todo
end

return M
