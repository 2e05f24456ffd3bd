local test = {}

local function refused(kind, part, value, err)
  assert(not value, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local function call(actor, scope, ...)
  return funcs.new():with_actor(actor):with_scope(scope):call("app:probe", ...)
end

local ann = security.new_actor("ann", {age = 41, tags = {"a"}})
local tim = security.new_actor("tim", {age = 9})
local staff = assert(security.named_scope("app:staff"))

function test.actors()
  assert(ann:id() == "ann" and ann:meta().age == 41 and ann:meta().tags[1] == "a")
  assert(next(security.new_actor("x"):meta()) == nil)
  assert(type(ann) == "userdata" and tostring(ann):find("^security%.Actor: 0x%x+$"), tostring(ann))
  assert(not pcall(security.new_actor) and not pcall(security.new_actor, "") and not pcall(security.new_actor, "a", 1))
  assert(not pcall(security.new_actor, "a", {print}))
end

function test.policies()
  local owners = assert(security.policy("app:owners"))
  assert(owners:id() == "app:owners")
  assert(owners:evaluate(ann, "doc.write", "doc:1", {owner = "ann"}) == "allow")
  assert(owners:evaluate(ann, "doc.write", "doc:1", {owner = "tim"}) == "undefined")
  assert(owners:evaluate(ann, "doc.write", "doc:1") == "undefined")
  assert(owners:evaluate(ann, "doc.write", "page:1", {owner = "ann"}) == "undefined")
  assert(owners:evaluate(nil, "doc.write", "doc:1", {owner = "ann"}) == "undefined")
  local grown_ups = assert(security.policy("app:grown_ups"))
  assert(grown_ups:evaluate(ann, "vote", "x") == "allow" and grown_ups:evaluate(tim, "vote", "x") == "undefined")
  assert(grown_ups:evaluate(ann, "drive", "x") == "undefined" and grown_ups:evaluate(nil, "vote", "x") == "undefined")
  refused(errors.NOT_FOUND, "app:none", security.policy("app:none"))
  refused(errors.INVALID, "app:data is a store.memory", security.policy("app:data"))
  refused(errors.INVALID, "empty id", security.policy(""))
end

function test.scopes()
  assert(#staff:policies() == 2 and staff:contains("app:readers") and not staff:contains("app:owners"))
  assert(staff:evaluate(ann, "doc.read", "doc:1") == "allow")
  assert(staff:evaluate(ann, "doc.read", "doc:1", {key = "secret one"}) == "deny")
  assert(staff:evaluate(ann, "doc.write", "doc:1") == "undefined")
  local more = staff:with(security.policy("app:owners"))
  assert(#more:policies() == 3 and #staff:policies() == 2 and #more:with(security.policy("app:owners")):policies() == 3)
  assert(#more:without("app:owners"):policies() == 2 and #more:without("none"):policies() == 3)
  assert(#security.new_scope():policies() == 0)
  assert(security.new_scope():evaluate(ann, "a", "b") == "undefined")
  assert(security.new_scope{(security.policy("app:owners"))}:contains("app:owners"))
  assert(not pcall(security.new_scope, {1}) and not pcall(staff.with, staff, 1))
  assert(#assert(security.named_scope("other:group")):policies() == 1)
  refused(errors.NOT_FOUND, "app:none", security.named_scope("app:none"))
  refused(errors.INVALID, "empty", security.named_scope(""))
end

function test.functions_inherit()
  assert(security.actor() == nil and security.scope() == nil)
  assert(next(assert(funcs.call("app:probe", "who"))) == nil)
  local who = assert(call(ann, staff, "who"))
  assert(who.actor == "ann" and who.meta.age == 41 and who.policies == 2)
  local full = staff:with(security.policy("app:grown_ups"))
  who = assert(call(ann, full, "nested", "who"))
  assert(who.actor == "ann" and who.policies == 3)
  local future = assert(funcs.new():with_actor(ann):async("app:probe", "who"))
  assert(future:channel():receive():data().actor == "ann")
  local executor = funcs.new()
  assert(not pcall(executor.with_actor, executor, "ann") and not pcall(executor.with_scope, executor, ann))
end

function test.processes_do_not_inherit()
  local free = security.new_scope{(assert(security.policy("app:grown_ups")))}
  local who = assert(call(ann, free, "spawn", "who"))
  assert(who.actor == nil and who.policies == "")
  local spawner = process.with_options({}):with_actor(ann):with_scope(free)
  who = assert(spawner:exec("app:worker", "app:host", "who"))
  assert(who.actor == "ann" and who.policies == "app:grown_ups")
  who = assert(process.with_context({}):with_actor(tim):exec("app:worker", "app:host", "who"))
  assert(who.actor == "tim" and who.policies == "")
  assert(not pcall(spawner.with_actor, spawner, 1))
end

function test.guarded_calls()
  local data = assert(store.get("app:data"))
  assert(data:set("a", 1) and data:set("secret a", 2))
  assert(security.can("anything", "whatever") == true)
  assert(call(ann, staff, "can", "doc.read", "doc:1") == true)
  assert(call(ann, staff, "can", "doc.write", "doc:1") == false)
  assert(call(ann, staff, "can", "doc.read", "doc:1", {key = "secret"}) == false)
  assert(call(ann, staff, "read", "a") == 1)
  refused(errors.PERMISSION_DENIED, "not allowed: app:data", call(ann, staff, "read", "secret a"))
  refused(errors.PERMISSION_DENIED, "not allowed: app:data", call(ann, staff, "write", "a", 3))
  refused(errors.PERMISSION_DENIED, "not allowed: app:worker", call(ann, staff, "spawn", "who"))
  refused(errors.PERMISSION_DENIED, "not allowed: app:probe", call(ann, staff, "nested", "who"))
  assert(call(ann, staff, "actor", "eve").message:find("not allowed: eve", 1, true))
  -- Without a scope there is nothing that could refuse.
  assert(funcs.new():with_actor(ann):call("app:probe", "write", "a", 3) == true)
  refused(errors.PERMISSION_DENIED, "not allowed", call(ann, security.new_scope(), "read", "a"))
end

function test.services_have_what_they_are_given()
  local data = assert(store.get("app:data"))
  while not data:has("service") do time.sleep("1ms") end
  local seen = data:get("service")
  assert(seen.actor == "janitor" and seen.level == 1)
  assert(seen.policies == "app:no_secrets app:readers app:recorders")
  assert(not seen.registered and seen.error == errors.PERMISSION_DENIED)
end

function test.tokens()
  local tokens = assert(security.token_store("app:tokens"))
  local token = assert(tokens:create(ann, staff, {expiration = "1h", meta = {from = "test"}}))
  assert(#token == 43 + 1 + 43 and token:find("^[%w_-]+%.[%w_-]+$"))
  local actor, scope, err = tokens:validate(token)
  assert(err == nil and actor:id() == "ann" and actor:meta().tags[1] == "a" and #scope:policies() == 2)
  for _, bad in ipairs { "", "x", token:sub(1, 43), token .. "x", "A" .. token:sub(2) } do
    if bad ~= token then
      actor, scope, err = tokens:validate(bad)
      assert(actor == nil and scope == nil and errors.is(err, errors.INVALID), bad)
      refused(errors.INVALID, "not valid", tokens:revoke(bad))
    end
  end
  assert(tokens:revoke(token) == true)
  actor, scope, err = tokens:validate(token)
  assert(actor == nil and errors.is(err, errors.INVALID) and err:message() == "the token is not valid")
  refused(errors.INVALID, "not valid", tokens:revoke(token))
  refused(errors.INVALID, "plain data", tokens:create(ann, staff, {meta = print}))
  refused(errors.INVALID, "expiration", tokens:create(ann, staff, {expiration = "soon"}))
  refused(errors.INVALID, "options", tokens:create(ann, staff, 1))
  assert(not pcall(tokens.create, tokens, "ann", staff) and not pcall(tokens.validate, tokens))

  local unsigned = assert(security.token_store("app:unsigned"))
  token = assert(unsigned:create(tim, security.new_scope()))
  assert(#token == 11)
  repeat
    time.sleep("1ms")
    actor, scope, err = unsigned:validate(token)
  until not actor
  assert(errors.is(err, errors.INVALID))
  refused(errors.INVALID, "not valid", unsigned:revoke(token))
  token = assert(unsigned:create(tim, security.new_scope(), {expiration = 3600000}))
  assert(unsigned:validate(token):id() == "tim")
  assert(unsigned:close() == true and unsigned:close() == true)
  refused(errors.INVALID, "closed", unsigned:create(tim, staff))
  assert(errors.is(select(3, unsigned:validate(token)), errors.INVALID))
  refused(errors.INVALID, "closed", unsigned:revoke(token))

  -- A store that is full.
  local made
  repeat made, err = tokens:create(ann, staff) until not made
  assert(errors.is(err, errors.INTERNAL))
  refused(errors.NOT_FOUND, "app:none", security.token_store("app:none"))
  refused(errors.INVALID, "empty id", security.token_store(""))
  refused(errors.INVALID, "app:data is a", security.token_store("app:data"))
end

-- Tokens in a table of a database.
function test.tokens_in_tables()
  local db = assert(sql.get("app:db"))
  assert(db:execute("CREATE TABLE tokens (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER)"))
  local function count() return assert(db:query("SELECT COUNT(*) AS n FROM tokens"))[1].n end
  local tokens = assert(security.token_store("app:row_tokens"))
  local token = assert(tokens:create(ann, staff, {meta = {from = "test", list = {1, 2.5}}}))
  assert(#token == 43 + 1 + 43 and count() == 1)
  local row = assert(db:query("SELECT key, value FROM tokens"))[1]
  assert(#row.key == 64 and not row.value:find(token:sub(1, 43), 1, true) and row.value:find('"from":"test"', 1, true))
  local actor, scope, err = tokens:validate(token)
  assert(err == nil and actor:id() == "ann" and actor:meta().age == 41 and actor:meta().tags[1] == "a" and #scope:policies() == 2)
  -- Another handle, another process.
  assert(assert(security.token_store("app:row_tokens")):validate(token):id() == "ann")
  for _, bad in ipairs { "", "x", token .. "x" } do
    actor, scope, err = tokens:validate(bad)
    assert(actor == nil and scope == nil and errors.is(err, errors.INVALID), bad)
    refused(errors.INVALID, "not valid", tokens:revoke(bad))
  end
  assert(tokens:revoke(token) == true and count() == 0)
  assert(errors.is(select(3, tokens:validate(token)), errors.INVALID))
  refused(errors.INVALID, "not valid", tokens:revoke(token))
  token = assert(tokens:create(tim, security.new_scope(), {expiration = 1}))
  while tokens:validate(token) do time.sleep("1ms") end
  refused(errors.INVALID, "not valid", tokens:revoke(token))
  -- What has expired is cleaned up when there is something to do.
  token = assert(tokens:create(tim, security.new_scope()))
  assert(tokens:validate(token):id() == "tim" and count() == 1)
  refused(errors.INVALID, "UTF-8", tokens:create(ann, staff, {meta = "\xff"}))

  -- The store has its own ways to fail.
  local function fails(kind, text, store)
    refused(kind, text, store:create(ann, staff))
    local nobody, nothing, why = store:validate("x")
    assert(nobody == nil and nothing == nil and errors.is(why, kind) and why:message():find(text, 1, true), tostring(why))
    refused(kind, text, store:revoke("x"))
  end
  fails(errors.INVALID, "nowhere", assert(security.token_store("app:lost_tokens")))
  fails(errors.UNAVAILABLE, "app:idle_db is not running", assert(security.token_store("app:idle_tokens")))
  local transaction = assert(db:begin())
  fails(errors.INVALID, "transaction is open", tokens)
  assert(transaction:rollback() and tokens:revoke(token))
  assert(tokens:close())
  fails(errors.INVALID, "closed", tokens)
end

return { main = function()
  for name, run in pairs(test) do
    local ok, err = xpcall(run, function(err) return name .. ": " .. tostring(err) end)
    if not ok then error(err, 0) end
  end
end }
