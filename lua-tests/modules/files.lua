-- Open files and scanners of the module `fs` (modules.md §4.1, §4.2).
local fs = require("fs")
local volume = assert(fs.get("app:files"))
local name = os.tmpname()

local function refused(kind, part, value, err)
  assert(not value, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

do -- writing, seeking, reading
  local file = assert(volume:open(name, "w"))
  assert(file:write("hello\r\nwide world\n\nlast é") == true)
  refused(errors.INVALID, "nothing", file:write(""))
  refused(errors.INTERNAL, "", file:read(1))
  assert(file:stat().size == #"hello\r\nwide world\n\nlast é" and file:stat().type == fs.type.FILE and file:sync() == true)
  assert(file:close() and file:close())
  refused(errors.INVALID, "closed", file:write("x"))
  refused(errors.INVALID, "closed", file:read())
  refused(errors.INVALID, "closed", file:seek("set", 0))
  refused(errors.INVALID, "closed", file:stat())
  refused(errors.INVALID, "closed", file:sync())
  refused(errors.INVALID, "closed", file:scanner())

  file = assert(volume:open(name, "r"))
  assert(file:read(5) == "hello" and file:seek(fs.seek.CUR, 2) == 7 and file:read(4) == "wide")
  assert(file:seek(fs.seek.END, -2) == 24 and file:read() == "é")
  refused(errors.NOT_FOUND, "EOF", file:read())
  assert(file:seek(fs.seek.SET, 0) == 0 and #file:read() == 26)
  refused(errors.INVALID, "positive", file:read(0))
  refused(errors.INVALID, "whence", file:seek("middle", 0))
  refused(errors.INVALID, "negative", file:seek("set", -1))
  refused(errors.INVALID, "", file:seek("cur", -100))
  refused(errors.INTERNAL, "", file:write("x"))
  assert(file:close())
  assert(not pcall(file.read, volume) and not pcall(file.seek, file))
end

do -- what the system refuses
  local full = assert(volume:open("/dev/full", "w"))
  refused(errors.INTERNAL, "", full:write("x"))
  assert(full:close())
end

do -- modes
  refused(errors.INVALID, "mode", volume:open(name, "rw"))
  refused(errors.ALREADY_EXISTS, "", volume:open(name, "wx"))
  refused(errors.NOT_FOUND, "", volume:open(name .. ".none", "r"))
  refused(errors.INVALID, "path", volume:open("", "r"))
  local file = assert(volume:open(name, "a"))
  assert(file:write("!") and file:close())
  assert(volume:readfile(name):sub(-3) == "é!")
  refused(errors.INVALID, "mode", volume:writefile(name, "x", "r"))
end

do -- scanners
  local function tokens(split)
    local file = assert(volume:open(name, "r"))
    local scanner, found = assert(file:scanner(split)), {}
    assert(scanner:text() == "" and scanner:err() == nil)
    while scanner:scan() do found[#found + 1] = scanner:text() end
    assert(scanner:text() == "" and scanner:err() == nil and scanner:scan() == false)
    file:close()
    return found
  end
  assert(table.concat(tokens(), "|") == "hello|wide world||last é!")
  assert(table.concat(tokens("words"), "|") == "hello|wide|world|last|é!")
  assert(#tokens("bytes") == 27 and #tokens("runes") == 26 and tokens("runes")[25] == "é")
  local file = assert(volume:open(name, "r"))
  refused(errors.INVALID, "split", file:scanner("sentences"))
  local scanner = file:scanner()
  file:close()
  assert(scanner:scan() == false and scanner:err():find("closed"))
  assert(volume:writefile(name, ("x"):rep(60000) .. " " .. ("y"):rep(60000)))
  file = volume:open(name, "r")
  scanner = file:scanner("words")
  assert(scanner:scan() and #scanner:text() == 60000 and scanner:scan() and #scanner:text() == 60000 and not scanner:scan())
  assert(scanner:err() == nil)
  assert(volume:writefile(name, ("x"):rep(700000)))
  file = volume:open(name, "r")
  scanner = file:scanner()
  assert(scanner:scan() == false and scanner:err() == "token too long" and scanner:scan() == false)
  file:close()
end

do -- a handle stays in its process, and is closed at its end
  local file = assert(volume:open(name, "r"))
  process.spawn_monitored(function(file) return file == nil end, "app:host", file)
  assert(process.events():receive().result.value == true)
  process.spawn_monitored(function(name)
    local file = require("fs").get("v"):open(name, "r")
    return file:read(1)
  end, "app:host", name)
  assert(process.events():receive().result.value == "x")
end

assert(volume:remove(name))
