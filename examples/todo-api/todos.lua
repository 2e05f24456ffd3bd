-- Things to do, as clients see them.

local http = require("http")
local reply, storage = require("reply"), require("storage")

local M = {}

-- The JSON of the request, if it is of this type.
local function body_of(request, T)
  local body, err = request:body_json()
  if err then return nil, err end
  return T:is(body)
end

-- Tells the journal; the request does not depend on that.
local function note(what: string, id: string)
  process.send("journal", what, id)
end

function M.list()
  local request = assert(http.request())
  local limit = math.tointeger(tonumber(request:query("limit") or 50))
  if not limit or limit < 1 or limit > 200 then
    return reply.failure(errors.new { message = "limit must be between 1 and 200", kind = errors.INVALID })
  end
  local page, err = storage.list(request:query("after"), limit)
  if not page then return reply.failure(err) end
  reply.json(200, page)
end

function M.create()
  local draft, err = body_of(assert(http.request()), storage.Draft)
  if err then return reply.failure(err) end
  local todo, failure = storage.create(draft)
  if not todo then return reply.failure(failure) end
  note("created", todo.id)
  assert(http.response()):set_header("Location", "/api/todos/" .. todo.id)
  reply.json(201, todo)
end

function M.read()
  local todo, err = storage.read(assert(http.request()):param("id"))
  if not todo then return reply.failure(err) end
  reply.json(200, todo)
end

function M.update()
  local request = assert(http.request())
  local change, err = body_of(request, storage.Change)
  if err then return reply.failure(err) end
  local todo, failure = storage.update(request:param("id"), change)
  if not todo then return reply.failure(failure) end
  note("updated", todo.id)
  reply.json(200, todo)
end

function M.delete()
  local id = assert(http.request()):param("id")
  local todo, err = storage.delete(id)
  if not todo then return reply.failure(err) end
  note("deleted", id)
  assert(http.response()):set_status(204)
end

return M
