-- Uses examples/todo-api as clients do: its address is the argument.

local http, json, time = require("http_client"), require("json"), require("time")
local URL = arg[1]

local function ask(method, path, value)
  local body = value and json.encode(value)
  local response = assert(http.request(method, URL .. path, { body = body }))
  return response.status_code, response.body ~= "" and json.decode(response.body) or nil, response.headers
end

local status, hello = ask("GET", "/api/hello")
assert(status == 200 and hello.message == "hello" and hello.ok == true)

-- Made, found, changed, deleted.
local status, milk, headers = ask("POST", "/api/todos", { title = "buy milk" })
assert(status == 201 and milk.title == "buy milk" and milk.done == false and headers.Location == "/api/todos/" .. milk.id)
local status, bread = ask("POST", "/api/todos", { title = "bake bread", done = true })
assert(status == 201 and bread.done == true)
local path = "/api/todos/" .. milk.id
assert(select(2, ask("GET", path)).title == "buy milk")
local status, changed = ask("PATCH", path, { done = true })
assert(status == 200 and changed.done == true and changed.title == "buy milk")
local status, page = ask("GET", "/api/todos")
assert(status == 200 and #page.todos == 2 and page.todos[1].id == milk.id and page.more == false)
local status, first = ask("GET", "/api/todos?limit=1")
assert(#first.todos == 1 and first.more == true)
local status, second = ask("GET", "/api/todos?limit=1&after=" .. first.todos[1].id)
assert(#second.todos == 1 and second.todos[1].id == bread.id and second.more == false)
assert(ask("DELETE", path) == 204)
assert(ask("GET", path) == 404 and ask("DELETE", path) == 404 and ask("PATCH", path, { done = true }) == 404)

-- What makes no sense is refused with a reason.
for _, draft in ipairs { { title = "" }, { title = 1 }, {}, { title = "x", when = "now" } } do
  local status, answer = ask("POST", "/api/todos", draft)
  assert(status == 400 and answer.kind == errors.INVALID and #answer.error > 0)
end
assert(ask("GET", "/api/todos?limit=0") == 400 and ask("PUT", path) == 405)

-- The journal has counted, and comes back when it breaks.
local status, counts = ask("GET", "/api/journal")
assert(status == 200 and counts.created == 2 and counts.updated == 1 and counts.deleted == 1)
assert(ask("DELETE", "/api/journal") == 204)
repeat
  time.sleep("5ms")
  status, counts = ask("GET", "/api/journal")
until status == 200 and not counts.created
-- The things do not depend on it.
assert(select(2, ask("GET", "/api/todos/" .. bread.id)).title == "bake bread")
print("all is well")
