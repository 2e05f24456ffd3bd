-- Manual §2.2: environments and the global environment.

-- Free names are fields of _ENV; _ENV starts as _G.
do
  assert(_ENV == _G and _G._G == _G, "the chunk's environment is the global one")
  a_global = 10
  assert(_ENV.a_global == 10 and _G["a_global"] == 10 and rawget(_G, "a_global") == 10, "globals are fields")
  _ENV["another one"] = 11
  assert(_G["another one"] == 11, "any string names a global")
  a_global, _G["another one"] = nil, nil
  assert(a_global == nil and never_assigned == nil, "unassigned globals are nil")
end

-- A local _ENV redirects free names.
do
  local print_was = print
  local function sandboxed(_ENV)
    x = 1
    y = x + 1
    return print
  end
  local env = {}
  assert(sandboxed(env) == nil and env.x == 1 and env.y == 2, "a parameter named _ENV is the environment")
  assert(x == nil and print == print_was, "the outside is untouched")
  do
    local _ENV = { assert = assert }
    z = 5
    assert(_ENV.z == 5 and print == nil, "a local named _ENV as well")
  end
  assert(z == nil, "its scope ends with the block")
end

-- _ENV is captured like any upvalue.
do
  local get, set
  do
    local _ENV = { v = 1 }
    function get() return v end
    function set(n) v = n end
  end
  set(7)
  assert(get() == 7 and v == nil, "two functions share one environment")
  local function swap()
    local _ENV = { w = "inner" }
    local function f() return w end
    _ENV = { w = "changed" }
    return f()
  end
  assert(swap() == "changed", "assigning to _ENV changes the environment of closures over it")
end

-- Environments with metatables.
do
  local assert, rawset = assert, rawset
  local log = {}
  local _ENV = setmetatable({}, {
    __index = function(_, k) log[#log + 1] = "get " .. k return 7 end,
    __newindex = function(t, k, v) log[#log + 1] = "set " .. k rawset(t, k, v) end,
  })
  local n = seven
  other = n
  other = n + 1
  assert(n == 7 and other == 8, "environment metamethods supply and receive values")
  assert(#log == 2 and log[1] == "get seven" and log[2] == "set other", "only absent fields reach them")
end

-- An environment that cannot be indexed gives ordinary errors.
do
  local ok, message = pcall(function() local _ENV = nil; return foo end)
  assert(not ok and message:find("attempt to index a nil value %(upvalue '_ENV'%)") or
    message:find("attempt to index a nil value %(local '_ENV'%)"), message)
  local ok2, message2 = pcall(function() local _ENV = 5; bar = 1 end)
  assert(not ok2 and message2:find("attempt to index a number value %(local '_ENV'%)"), message2)
end

-- load takes an environment for the chunk's first upvalue.
do
  local env = { y = 20 }
  local chunk = assert(load("x = y; y = nil; return _ENV", "chunk", "t", env))
  assert(chunk() == env and env.x == 20 and env.y == nil, "the given table is _ENV")
  local plain = assert(load("return _ENV"))
  assert(plain() == _G, "without the argument it is the global environment")
  local none = assert(load("return ...", "chunk", "t", nil))
  assert(none(3) == 3, "a nil environment is fine while unused")
  local bad = assert(load("return x", "=chunk", "t", nil))
  local ok, message = pcall(bad)
  assert(not ok and message:find("^chunk:1: attempt to index a nil value %(upvalue '_ENV'%)"), message)
end

-- Errors name globals as such.
do
  local ok, message = pcall(function() undefined_function() end)
  assert(not ok and message:find("attempt to call a nil value %(global 'undefined_function'%)"), message)
  ok, message = pcall(function() return undefined_table.x end)
  assert(not ok and message:find("attempt to index a nil value %(global 'undefined_table'%)"), message)
  ok, message = pcall(function() return undefined_number + 1 end)
  assert(not ok and message:find("attempt to perform arithmetic on a nil value %(global 'undefined_number'%)"), message)
end

-- Functions defined through a local environment see it, callers do not.
do
  local module = {}
  do
    local assert = assert
    local _ENV = module
    function greet(name) return prefix .. name end
    prefix = "hello "
    assert(greet("x") == "hello x", "module-style definition")
  end
  assert(module.greet("you") == "hello you" and greet == nil and prefix == nil, "names stay in the module")
end
