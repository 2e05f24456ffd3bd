local function fails(name, line)
  local ok, message = pcall(require, name)
  assert(not ok and message:find("module '" .. name .. "' not found\n", 1, true), message)
  assert(message:find(line, 1, true), message)
end
return { main = function()
  for _, name in ipairs { "load", "dofile", "loadfile", "collectgarbage", "io", "debug" } do
    assert(_G[name] == nil, name)
  end
  assert(os.execute == nil and os.getenv == nil and string.dump == nil)
  assert(time == require("time") and time.sleep)
  assert(require("process") == process and require("string") == string and require("errors") == errors)
  fails("json", "it is not listed under 'modules' of entry app:sandbox")
  fails("nothing", "there is no such module, and no such import of entry app:sandbox")
  assert(json == nil and funcs == nil)
  assert(not pcall(function() time.x = 1 end) and not pcall(function() string.x = 1 end))
  assert(package.path == "" and package.cpath == "" and package.loadlib("x", "y") == nil)
  assert(process.id() == "app:sandbox")
  assert(process.pid():match("^{moonlet:terminal|0x%x+}$"), process.pid())
  local where = select(2, pcall(error, "here"))
  assert(select(2, pcall(function() error("there") end)):find("^app:sandbox:%d+: there$"))
  return "as it should be"
end }
