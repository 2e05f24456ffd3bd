-- Manual §6.8: input and output.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
local name = os.tmpname()
local function store(text) local f = assert(io.open(name, "wb")) assert(f:write(text)) assert(f:close()) end
local function content() local f = assert(io.open(name, "rb")) local s = f:read("a") f:close() return s end

-- open: modes, failures.
do
  local f, message, code = io.open("/no/such/directory/file")
  assert(f == nil and message == "/no/such/directory/file: No such file or directory" and code == 2)
  fails("bad argument #2 to 'open' (invalid mode)", io.open, name, "rw")
  fails("bad argument #2 to 'open' (invalid mode)", io.open, name, "")
  store("first")
  f = assert(io.open(name, "a")) f:write(" second") f:close()
  assert(content() == "first second", "append")
  f = assert(io.open(name, "r+")) f:write("FIRST") f:close()
  assert(content() == "FIRST second", "update in place")
  f = assert(io.open(name, "w+")) f:write("new") f:seek("set") assert(f:read("a") == "new") f:close()
  f = assert(io.open(name, "r"))
  local ok, text, number = f:write("x")
  assert(ok == nil and type(text) == "string" and math.type(number) == "integer", "writing to a file opened for reading fails")
  f:close()
end

-- type and tostring.
do
  local f = assert(io.open(name))
  assert(io.type(f) == "file" and type(f) == "userdata" and tostring(f):find("^file %("))
  assert(f:close() == true)
  assert(io.type(f) == "closed file" and tostring(f) == "file (closed)" and io.type(5) == nil and io.type(io.stdout) == "file")
  fails("attempt to use a closed file", function() f:read() end)
  fails("attempt to use a closed file", function() f:close() end)
  fails("attempt to use a closed file", function() f:lines() end)
  assert(getmetatable(f).__index.read and getmetatable(f).__name == "FILE*")
  fails("bad argument #1 to 'read' (FILE* expected, got table)", function() f.read({}) end)
end

-- read formats.
do
  store("line one\nline two\n\n42 0x1F -3.5e2 .5 nan\nlast")
  local f = assert(io.open(name))
  assert(f:read() == "line one" and f:read("L") == "line two\n" and f:read("l") == "" and f:read("n") == 42 and f:read("n") == 31)
  local a, b, c = f:read("n", "n", "n")
  assert(a == -350.0 and b == 0.5 and c == nil, "numbers; a failing format ends the list")
  f:close()
  f = assert(io.open(name))
  assert(f:read(4) == "line" and f:read(0) == "" and f:read(1, 3) == " ")
  assert(#f:read("a") == 37 and f:read("a") == "" and f:read("l") == nil and f:read(0) == nil and f:read(1) == nil and f:read("n") == nil)
  f:close()
  f = assert(io.open(name))
  local l1, l2 = f:read("*l", "*L")
  assert(l1 == "line one" and l2 == "line two\n", "the star of older versions is accepted")
  fails("bad argument #1 to 'read' (invalid format)", function() f:read("x") end)
  fails("bad argument #2 to 'read' (invalid format)", function() f:read("l", "q") end)
  f:close()
  store("")
  f = assert(io.open(name))
  assert(f:read("l") == nil and f:read("a") == "" and f:read(0) == nil)
  f:close()
  store("a\0b\r\nc")
  f = assert(io.open(name, "rb"))
  assert(f:read() == "a\0b\r" and f:read() == "c", "bytes are not translated")
  f:close()
  local big = ("0123456789"):rep(5000)
  store(big .. "\n" .. big)
  f = assert(io.open(name))
  assert(f:read() == big and f:read(7) == "0123456" and #f:read("a") == 49993)
  f:close()
  store("  12 0x 99999999999999999999 1e5x")
  f = assert(io.open(name))
  assert(f:read("n") == 12 and f:read("n") == nil, "an incomplete numeral fails")
  assert(f:read("n") == 1e20 and f:read("n") == 1e5 and f:read(1) == "x")
  f:close()
end

-- lines.
do
  store("a\nb\nc")
  local t = {}
  for l in io.lines(name) do t[#t + 1] = l end
  assert(table.concat(t, ",") == "a,b,c")
  t = {}
  for l in io.lines(name, "L") do t[#t + 1] = l end
  assert(table.concat(t) == "a\nb\nc")
  t = {}
  for x, y in io.lines(name, 1, 1) do t[#t + 1] = x .. (y or "-") end
  assert(table.concat(t, "|") == "a\n|b\n|c-")
  local f = assert(io.open(name))
  t = {}
  for l in f:lines() do t[#t + 1] = l if #t == 2 then break end end
  assert(io.type(f) == "file" and f:read() == "c", "file:lines leaves the file open")
  f:close()
  local iterator = io.lines(name)
  for _ = 1, 3 do iterator() end
  assert(iterator() == nil)
  fails("file is already closed", iterator)
  fails("cannot open file '/no/such/file' (No such file or directory)", function() for _ in io.lines("/no/such/file") do end end)
end

-- write, chaining, numbers.
do
  local f = assert(io.open(name, "w"))
  assert(f:write("a", 1, 2.5, -0.0, "\0") == f)
  f:write():write("b"):write("c")
  f:close()
  assert(content() == "a12.5-0\0bc")
  f = assert(io.open(name, "w"))
  fails("bad argument #1 to 'write' (string expected, got table)", function() f:write({}) end)
  fails("bad argument #2 to 'write' (string expected, got nil)", function() f:write("x", nil) end)
  f:close()
end

-- seek, setvbuf, flush.
do
  store("0123456789")
  local f = assert(io.open(name, "r+"))
  assert(f:seek() == 0 and f:seek("end") == 10 and f:seek("set", 3) == 3 and f:read(2) == "34" and f:seek("cur") == 5 and f:seek("cur", -2) == 3 and f:seek("end", -1) == 9 and f:read(5) == "9")
  local ok, message = f:seek("set", -1)
  assert(ok == nil and type(message) == "string")
  fails("bad argument #1 to 'seek' (invalid option 'nowhere')", function() f:seek("nowhere") end)
  f:seek("set", 2) f:write("XX") f:seek("set", 0)
  assert(f:read("a") == "01XX456789")
  assert(f:setvbuf("full", 1024) == true and f:setvbuf("no") == true and f:setvbuf("line") == true and f:flush() == true)
  f:close()
end

-- Default files.
do
  store("default input\nsecond")
  local stdin, stdout = io.input(), io.output()
  assert(stdin == io.stdin and stdout == io.stdout)
  assert(io.type(io.input(name)) == "file" and io.read() == "default input" and io.read("L") == "second")
  assert(io.close(io.input()) == true)
  io.input(stdin)
  io.output(name)
  assert(io.write("written ", 5) == io.output() and io.close() == true)
  io.output(stdout)
  assert(content() == "written 5")
  local f = assert(io.open(name))
  io.input(f)
  assert(io.input() == f and io.read("a") == "written 5")
  io.input(stdin)
  f:close()
end

-- tmpfile and collection of open files.
do
  local f = assert(io.tmpfile())
  f:write("temporary") f:seek("set")
  assert(f:read("a") == "temporary" and f:close())
  for _ = 1, 50 do assert(io.open(name)) end
  collectgarbage()
end

-- popen: reading, writing, how the command ended.
do
  local p = assert(io.popen("printf 'a\\nb'"))
  assert(io.type(p) == "file" and p:read("a") == "a\nb")
  local a, b, c = p:close()
  assert(a == true and b == "exit" and c == 0)
  a, b, c = io.popen("exit 7"):close()
  assert(a == nil and b == "exit" and c == 7)
  p = assert(io.popen("cat > " .. name, "w"))
  assert(p:write("to the command") == p and p:close() == true and content() == "to the command")
  fails("bad argument #2 to 'popen' (invalid mode)", io.popen, "true", "rw")
end

-- Folders are no files; standard files; wrong options and arguments.
do
  assert(io.open("/tmp"):read(1) == nil)
  local a, b, c = io.open("/tmp"):read("a")
  assert(a == nil and b == "Is a directory" and c == 21)
  a, b, c = io.open("/tmp", "w")
  assert(a == nil and b == "/tmp: Is a directory" and c == 21)
  assert(io.type(io.stderr) == "file" and tostring(io.stderr):find("^file %("))
  fails("cannot open file '/no/such' (No such file or directory)", io.input, "/no/such")
  fails("bad argument #1 to 'close' (FILE* expected, got table)", function() io.close({}) end)
  local f = io.tmpfile()
  fails("bad argument #1 to 'setvbuf' (invalid option 'x')", function() f:setvbuf("x") end)
  fails("bad argument #2 to 'seek' (number has no integer representation)", function() f:seek("set", 1.5) end)
  assert(f:seek("end") == 0 and f:write("abc"):seek("cur", -1) == 2 and f:read(1) == "c" and f:read(1) == nil)
  assert(f:seek("set") == 0 and f:read("n") == nil and f:close())
  fails("attempt to use a closed file", function() f:seek() end)
end


os.remove(name)
