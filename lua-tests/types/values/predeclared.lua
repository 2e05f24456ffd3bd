-- Predeclared type values: types specification §5.2.

-- The globals, and what they say of values.
do
  local co = coroutine.create(print)
  local err = errors.new("text")
  local values = {
    {Nil, {nil, n = 1}}, {Boolean, {true, false}}, {Number, {1, 1.5}}, {Integer, {1, math.mininteger}}, {Float, {1.0, 0 / 0}},
    {String, {"", "x"}}, {Table, {{}, setmetatable({}, {})}}, {Function, {print, function() end}}, {Thread, {co}},
    {Userdata, {io.stdout, err}}, {Error, {err}}, {Type, {Type, Any, Never}},
  }
  local names = {
    "nil", "boolean", "number", "integer", "float", "string", "table", "function", "thread", "userdata", "error", "type",
  }
  local all = {}
  for i, row in ipairs(values) do
    assert(type(row[1]) == "type" and tostring(row[1]) == names[i] and row[1]:name() == names[i])
    for j = 1, row[2].n or #row[2] do all[#all + 1] = {value = row[2][j], owner = row[1]} end
  end
  for _, row in ipairs(values) do
    for _, other in ipairs(all) do
      local expected = row[1] == other.owner or other.owner <= row[1]
        or row[1] == Integer and math.type(other.value) == "integer" or row[1] == Float and math.type(other.value) == "float"
        or row[1] == Error and other.value == err
      local value, message = row[1]:is(other.value)
      assert((message == nil) == expected, tostring(row[1]) .. " and " .. tostring(other.value))
      if not expected then assert(value == nil) else assert(value == other.value or value ~= value) end
    end
  end
  for _, other in ipairs(all) do
    assert(select(2, Any:is(other.value)) == nil and select(2, Unknown:is(other.value)) == nil)
    assert(select(2, Never:is(other.value)) ~= nil)
  end
end

-- Lower-case spellings.
do
  assert(boolean == Boolean and number == Number and integer == Integer and float == Float)
  assert(any == Any and unknown == Unknown and never == Never)
  assert(thread == nil and userdata == nil and type(error) == "function" and type(type) == "function")
end

-- `string` and `table` stay libraries, and can be called.
do
  assert(type(string) == "table" and type(table) == "table")
  assert(string("x") == "x" and not pcall(string, 1))
  local t = {}
  assert(table(t) == t and not pcall(table, "x"))
  assert(string ~= String and type(getmetatable(string).__call) == "function")
  assert(("x"):upper() == "X" and string.nothing == nil and rawget(string, "__call") == nil)
  for name in pairs(string) do assert(name ~= "__call") end
  local ok, err = pcall(string, 5)
  assert(not ok and err:kind() == errors.INVALID and err:message() == "expected string, got number")
end

-- Ordinary globals.
do
  assert(rawget(_G, "Number") == Number)
  local old = Number
  Number = 5
  assert(_G.Number == 5)
  type N = Number
  assert(N == old, "a type means the predeclared type still")
  Number = old
  local Nil = "shadowed"
  assert(Nil == "shadowed")
  do
    type Integer = string
    type Uses = {Integer}
    assert(Integer == String and Uses:elem() == String, "capitalised names can be redefined in types")
    type number = string
    type Numbers = {number}
    assert(Numbers:elem() == Number, "lower-case ones cannot")
  end
end
