-- Volumes of the module `fs` (modules.md §4.1); open files are tested in `files`.
local fs = require("fs")
local volume = assert(fs.get("app:files"))
local root = os.tmpname()
assert(volume:remove(root) and volume:mkdir(root) == true)

local function refused(kind, first, value, err)
  assert(value == first, tostring(value))
  assert(errors.is(err, kind), tostring(err))
end

do -- constants, and what volumes are
  assert(fs.type.FILE == "file" and fs.type.DIR == "directory")
  assert(fs.seek.SET == "set" and fs.seek.CUR == "cur" and fs.seek.END == "end")
  refused(errors.INVALID, nil, fs.get(""))
  assert(not pcall(fs.get) and not pcall(volume.readfile, volume) and not pcall(volume.readfile, {}, "x"))
end

do -- folders
  assert(volume:chdir(root) == true and volume:pwd() == root)
  assert(volume:mkdir("a") and volume:mkdir("a/b") and volume:isdir("a") == true)
  refused(errors.ALREADY_EXISTS, false, volume:mkdir("a"))
  refused(errors.NOT_FOUND, false, volume:mkdir("none/b"))
  refused(errors.INVALID, false, volume:mkdir(""))
  refused(errors.NOT_FOUND, false, volume:isdir("none"))
  refused(errors.INVALID, false, volume:isdir("a\0"))
  refused(errors.NOT_FOUND, false, volume:chdir("none"))
  refused(errors.INVALID, false, volume:chdir(""))
  assert(volume:chdir("a/b/..") and volume:pwd() == root .. "/a" and volume:chdir(root))
end

do -- whole files
  local bytes = "\0\xff\r\n" .. ("x"):rep(100000)
  assert(volume:writefile("f", bytes) == true and volume:readfile("f") == bytes)
  assert(volume:write_file("f", "more", "a") and volume:read_file("f") == bytes .. "more")
  assert(volume:writefile("f", "") and volume:readfile("f") == "" and volume:isdir("f") == false)
  refused(errors.ALREADY_EXISTS, false, volume:writefile("f", "x", "wx"))
  refused(errors.INVALID, false, volume:writefile("f", "x", "r"))
  refused(errors.NOT_FOUND, false, volume:writefile("none/f", "x"))
  refused(errors.INVALID, false, volume:writefile("a", "x"))
  refused(errors.INVALID, false, volume:writefile("", "x"))
  refused(errors.NOT_FOUND, nil, volume:readfile("none"))
  refused(errors.INVALID, nil, volume:readfile("a"))
  refused(errors.INVALID, nil, volume:readfile("f/x"))
  refused(errors.INVALID, nil, volume:readfile("\0"))
  refused(errors.ALREADY_EXISTS, false, volume:write_file("f", "x", "wx"))
  refused(errors.INVALID, false, volume:write_file("f", "x", "r"))
  refused(errors.NOT_FOUND, false, volume:write_file("none/f", "x"))
  refused(errors.NOT_FOUND, nil, volume:read_file("none"))
  refused(errors.INVALID, nil, volume:read_file("a"))
  assert(not pcall(volume.writefile, volume, "f") and not pcall(volume.writefile, volume, "f", {}))
end

do -- a stream as the data: read bit by bit, to its end
  local function output(command)
    local program = assert(require("exec").get("app:programs"):exec(command))
    local stream = program:stdout_stream()
    assert(program:start())
    return stream
  end
  assert(volume:writefile("s", output("head -c 300000 /dev/zero")) == true)
  assert(volume:readfile("s") == ("\0"):rep(300000))
  assert(volume:writefile("s", output("printf end"), "a") and volume:readfile("s"):sub(-4) == "\0end")
  refused(errors.ALREADY_EXISTS, false, volume:writefile("s", output("printf x"), "wx"))
  refused(errors.NOT_FOUND, false, volume:writefile("none/s", output("printf x")))
  refused(errors.INVALID, false, volume:writefile("", output("printf x")))
  local stream = output("printf x")
  stream:close()
  refused(errors.INTERNAL, false, volume:writefile("s", stream))
  assert(volume:remove("s"))
end

do -- what there is
  assert(volume:writefile("f", "12345"))
  local stat = assert(volume:stat("f"))
  assert(stat.name == "f" and stat.size == 5 and stat.is_dir == false and stat.type == fs.type.FILE)
  assert(math.type(stat.mode) == "integer" and stat.mode & 511 ~= 0 and math.abs(stat.modified - os.time()) < 600)
  stat = assert(volume:stat("a"))
  assert(stat.name == "a" and stat.is_dir == true and stat.type == fs.type.DIR)
  refused(errors.NOT_FOUND, nil, volume:stat("none"))
  refused(errors.INVALID, nil, volume:stat(""))
  assert(volume:exists("f") == true and volume:exists("a") == true)
  local there, err = volume:exists("none")
  assert(there == false and err == nil)
  refused(errors.INVALID, false, volume:exists(""))

  local found = {}
  for entry in volume:readdir(root) do found[#found + 1] = entry.name .. ":" .. entry.type end
  assert(table.concat(found, " ") == "a:directory f:file")
  for _ in volume:readdir("a/b") do error("it is empty") end
  refused(errors.NOT_FOUND, nil, volume:readdir("none"))
  refused(errors.INVALID, nil, volume:readdir("f"))
  refused(errors.INVALID, nil, volume:readdir(""))
end

do -- what the system refuses
  local long = ("n"):rep(300)
  for _, method in ipairs { "readfile", "read_file", "stat", "readdir" } do refused(errors.INTERNAL, nil, volume[method](volume, long)) end
  for _, method in ipairs { "exists", "isdir", "mkdir", "remove", "chdir" } do refused(errors.INTERNAL, false, volume[method](volume, long)) end
  for _, method in ipairs { "writefile", "write_file" } do
    refused(errors.INTERNAL, false, volume[method](volume, long, "x"))
    refused(errors.INTERNAL, false, volume[method](volume, "/dev/full", "x"))
  end
  for _, mode in ipairs { "r", "w", "wx", "a" } do refused(errors.INTERNAL, nil, volume:open(long, mode)) end
end

do -- removal
  refused(errors.INVALID, false, volume:remove("a"))
  assert(volume:remove("a/b") == true and volume:remove("a") == true and volume:remove("f") == true)
  refused(errors.NOT_FOUND, false, volume:remove("f"))
  refused(errors.INVALID, false, volume:remove(""))
  assert(volume:chdir("/") and volume:remove(root) and volume:exists(root) == false)
end
