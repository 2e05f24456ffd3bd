local io = require("io")
return { main = function(...)
  assert(table.concat(assert(io.args()), " ") == table.concat({...}, " "))
  local raw, why = io.raw()
  assert(raw == nil and errors.is(why, errors.INTERNAL), "the input is no terminal")
  assert(io.raw(false) == true)
  io.write("name? ")
  local name = assert(io.readline())
  io.print("Hello", name, setmetatable({}, {__tostring = function() return "object" end}))
  io.eprint("to", "stderr")
  assert(io.read(3) == "abc")
  assert(io.readline() == "")
  local nothing, err = io.readline()
  assert(nothing == nil and errors.is(err, errors.NOT_FOUND) and err:message():find("EOF"))
  for _, n in ipairs { 1, 0, -1 } do
    nothing, err = io.read(n)
    assert(nothing == nil and errors.is(err, errors.NOT_FOUND) and err:message():find("EOF"))
  end
  assert(io.flush())
  -- Another process has no terminal.
  return 0
end }
