local test = {}
local run = eval_runner.run

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

function test.chunks_and_methods()
  assert(run{source = "local a, b = ... return a + b", args = {40, 2}} == 42)
  assert(run{source = "return {sum = function(list) local s = 0 for _, n in ipairs(list) do s = s + n end return s end}",
    method = "sum", args = {{1, 2, 3}}} == 6)
  local result, err = run{source = "return"}
  assert(result == nil and err == nil)
  assert(run{source = "return {1, {a = 'x'}}"}[2].a == "x")
  -- The environment is fresh every time.
  for _ = 1, 2 do assert(run{source = "n = (n or 0) + 1 return n"} == 1) end
  assert(n == nil)
end

function test.what_is_there()
  for _, name in ipairs { "io", "os", "process", "load", "dofile", "debug", "package", "store", "eval_runner", "funcs" } do
    assert(run{source = "return " .. name .. " == nil and not pcall(require, '" .. name .. "')"} == true, name)
  end
  assert(run{source = "return ('x'):rep(3) .. _G.math.type(1)"} == "xxxinteger")
  assert(run{source = "return json.encode{1} == require('json').encode{1}", modules = {"json"}} == true)
  assert(run{source = "return mine.answer", custom_modules = {mine = {answer = 42}}} == 42)
  assert(run{source = "return require('mine').twice(4)", custom_modules = {mine = {twice = function(n) return 2 * n end}}} == 8)
  assert(run{source = "return ctx.get('who')", modules = {"ctx"}, context = {who = "me"}} == "me")
end

function test.imports()
  assert(run{source = "return d.double(4)", imports = {d = "app:double"}} == 8)
  assert(run{source = "return {q.of(1), twice == nil}", imports = {q = "app:quadruple"}}[1] == 4)
  local both = assert(run{source = "return {s.stamp(), hash == nil}", imports = {s = {id = "app:stamped", modules = {"hash"}}}})
  assert(#both[1] == 32 and both[2] == true)
  refused(errors.NOT_FOUND, "app:none", run{source = "return 1", imports = {x = "app:none"}})
  refused(errors.NOT_FOUND, "app:data", run{source = "return 1", imports = {x = "app:data"}})
  refused(errors.INVALID, "an id is missing", run{source = "return 1", imports = {x = {}}})
end

function test.classes()
  local source = "return store.get('app:data'):set('a', 1)"
  refused(errors.PERMISSION_DENIED, "forbidden", run{source = source, modules = {"store"}})
  refused(errors.PERMISSION_DENIED, "forbidden", run{source = source, modules = {"store"}, allow_classes = {"storage"}})
  assert(run{source = source, modules = {"store"}, allow_classes = {"storage", "io"}} == true)
  refused(errors.PERMISSION_DENIED, "forbidden", run{source = "return 1", modules = {"funcs"}})
  refused(errors.PERMISSION_DENIED, "forbidden", eval_runner.compile("return 1", nil, {modules = {"security"}}))
  refused(errors.INVALID, "no module nowhere", run{source = "return 1", modules = {"nowhere"}})
end

function test.failures()
  refused(errors.INTERNAL, "eval:1:", run{source = "return +"})
  refused(errors.INTERNAL, "on purpose", run{source = "error('on purpose')"})
  refused(errors.INTERNAL, "on purpose", run{source = "return {m = function() error('on purpose') end}", method = "m"})
  refused(errors.INVALID, "method", run{source = "return {}", method = "m"})
  refused(errors.INVALID, "source", run{})
  refused(errors.INVALID, "source", run{source = ""})
  refused(errors.INVALID, "source", run{source = "\27Lua"})
  refused(errors.INVALID, "plain data", run{source = "return 1", args = {print}})
  refused(errors.INVALID, "plain data", run{source = "return print or tostring"})
  refused(errors.INVALID, "modules", run{source = "return 1", modules = {1}})
  refused(errors.INVALID, "context", run{source = "return 1", context = 1})
  refused(errors.INVALID, "custom_modules.m", run{source = "return 1", custom_modules = {m = 1}})
  assert(not pcall(run) and not pcall(run, 1) and not pcall(eval_runner.compile))
  refused(errors.INTERNAL, "eval:1:", eval_runner.compile("return +"))
  refused(errors.INVALID, "source", eval_runner.compile(""))
  refused(errors.INVALID, "modules", eval_runner.compile("return 1", nil, {modules = {1}}))
  refused(errors.INVALID, "no module nowhere", eval_runner.compile("return 1", nil, {modules = {"nowhere"}}))
  refused(errors.INVALID, "allow_classes", eval_runner.compile("return 1", nil, {allow_classes = 1}))
  refused(errors.INVALID, "allow_classes", run{source = "return 1", allow_classes = 1})
  refused(errors.INVALID, "imports", run{source = "return 1", imports = 1})
end

function test.programs()
  local program = assert(eval_runner.compile("return {m = 1}", "m", {modules = {"json", "time"}}))
  assert(program:method() == "m" and table.concat(program:modules(), " ") == "json time")
  assert(assert(eval_runner.compile("return 1")):method() == nil)
end

function test.on_behalf_of_the_caller()
  local scope = assert(security.named_scope("app:readers"))
  local executor = funcs.new():with_actor(security.new_actor("ann")):with_scope(scope)
  assert(executor:call("app:evaluate", {source = "return 7"}) == 7)
  refused(errors.PERMISSION_DENIED, "not allowed: security", executor:call("app:evaluate",
    {source = "return 1", allow_classes = {"security"}}))
  refused(errors.PERMISSION_DENIED, "not allowed: app:double", executor:call("app:evaluate",
    {source = "return 1", imports = {d = "app:double"}}))
  assert(run{source = "return security.actor()", modules = {"security"}, allow_classes = {"security"}} == nil)
  local spy = {source = "return security.actor():id()", modules = {"security"}, allow_classes = {"security"}}
  assert(funcs.new():with_actor(security.new_actor("ann")):call("app:evaluate", spy) == "ann")
end

-- Who does not wait any more is not served any more.
function test.ends_with_its_caller()
  local future = assert(funcs.async("app:evaluate", {
    source = "while not system.lock.acquire('eval') do end while true do end",
    modules = {"system"}, allow_classes = {"process"},
  }))
  while system.lock.acquire("eval") do
    assert(system.lock.release("eval"))
    time.sleep("1ms")
  end
  assert(future:cancel())
  while not system.lock.acquire("eval") do time.sleep("1ms") end
end

return { main = function()
  for name, run in pairs(test) do
    local ok, err = xpcall(run, function(err) return name .. ": " .. tostring(err) end)
    if not ok then error(err, 0) end
  end
end }
