-- Runs the Lua file that is its argument, as a main chunk that nobody tail-calls, from the binary chunk it compiles to.
local file = table.remove(arg, 1)
local chunk = string.dump(assert(loadfile(file)))
assert(load(chunk, "=" .. file, "b"))(table.unpack(arg))
