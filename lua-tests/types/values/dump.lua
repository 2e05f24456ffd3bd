-- Types in binary chunks: types specification §5.9.

local function again(f, strip) return assert(load(string.dump(f, strip), "=binary", "b")) end

do
  type User = {name: string @min_len(1), tags: {string}?, next: User?}
  type Box<T> = {value: T}
  local function types() return User, Box, Box(User), function() return User end end
  for _, strip in ipairs {false, true} do
    local U, B, BU, nested = again(types, strip)()
    assert(U == User and B == Box and BU == Box(User) and nested() == User)
    assert(tostring(U) == "User" and U:source() == User:source())
    assert(U:is({name = "x", next = {name = "y"}}) and not U:is({name = ""}))
  end
  local function asks() local u: User return typeof(u) end
  assert(again(asks)() == User)
end

-- A chunk that somebody changed does no harm.
do
  local source = "type T = {x: T?, y: {number} @min(1)} return T"
  local chunk = string.dump(assert(load(source)))
  for i = 34, #chunk do
    for _, byte in ipairs {0, 1, 7, 127, 255} do
      local f = load(chunk:sub(1, i - 1) .. string.char(byte) .. chunk:sub(i + 1), "=changed", "b")
      if f then
        local ok, T = pcall(f)
        if ok and type(T) == "type" then
          T:is({x = {}, y = {1}})
          assert(type(tostring(T)) == "string" and type(T:source()) == "string")
        end
      end
    end
  end
end
