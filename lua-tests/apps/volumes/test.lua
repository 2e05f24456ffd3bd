local function refused(kind, part, value, err)
  assert(not value and errors.is(err, kind) and err:message():find(part, 1, true), tostring(err))
end

return { main = function()
  local files = assert(fs.get("app:files"))
  assert(files:pwd() == "/" and files:readfile("a.txt") == "inside" and files:readfile("/sub/b.txt") == "deep")
  -- Nothing leads out.
  assert(files:readfile("../../../a.txt") == "inside")
  refused(errors.NOT_FOUND, "/none", files:readfile("none"))
  refused(errors.INVALID, "invalid path", files:readfile(""))
  refused(errors.INVALID, "invalid path", files:readfile("a\0b"))
  assert(files:chdir("sub") and files:pwd() == "/sub" and files:readfile("b.txt") == "deep")
  refused(errors.INVALID, "", files:chdir("b.txt"))
  assert(files:pwd() == "/sub")
  local names = {}
  for entry in files:readdir("/") do names[#names + 1] = entry.name .. ":" .. entry.type end
  assert(table.concat(names, " ") == "a.txt:file sub:directory")
  assert(files:writefile("new.txt", "x", "wx") and files:readfile("/sub/new.txt") == "x")
  refused(errors.ALREADY_EXISTS, "new.txt", files:writefile("new.txt", "x", "wx"))
  assert(files:remove("new.txt") and files:exists("new.txt") == false)

  -- Files in memory are those that were there when the application was loaded, and stay as they are.
  local packed = assert(fs.get("app:packed"))
  assert(files:writefile("/later.txt", "x") and packed:exists("later.txt") == false and files:remove("/later.txt"))
  assert(packed:pwd() == "/" and packed:readfile("a.txt") == "inside" and packed:read_file("../sub/./b.txt") == "deep")
  for _, path in ipairs { "a.txt", "/sub/b.txt", "sub/..", "/" } do assert(packed:exists(path) == true) end
  assert(packed:exists("none") == false and packed:isdir("sub") == true and packed:isdir("a.txt") == false and packed:isdir("/"))
  refused(errors.NOT_FOUND, "/none", packed:isdir("none"))
  refused(errors.NOT_FOUND, "/none", packed:readfile("none"))
  refused(errors.INVALID, "/a.txt/x", packed:readfile("a.txt/x"))
  refused(errors.INVALID, "/sub", packed:readfile("sub"))
  refused(errors.INVALID, "/sub", packed:open("sub", "r"))
  refused(errors.INVALID, "invalid path", packed:readfile(""))
  local stat, real = assert(packed:stat("sub/b.txt")), assert(files:stat("/sub/b.txt"))
  assert(stat.name == "b.txt" and stat.size == 4 and stat.modified == real.modified and stat.type == fs.type.FILE)
  assert(not stat.is_dir and stat.mode & 511 == 292)
  stat = assert(packed:stat("/sub"))
  assert(stat.name == "sub" and stat.is_dir and stat.type == fs.type.DIR)
  names = {}
  for entry in packed:readdir("/") do names[#names + 1] = entry.name .. ":" .. entry.type end
  for entry in packed:readdir("sub") do names[#names + 1] = entry.name .. ":" .. entry.type end
  assert(table.concat(names, " ") == "a.txt:file sub:directory b.txt:file")
  refused(errors.INVALID, "/a.txt", packed:readdir("a.txt"))
  refused(errors.NOT_FOUND, "/none", packed:readdir("none"))
  assert(packed:chdir("sub") and packed:pwd() == "/sub" and packed:readfile("b.txt") == "deep")
  refused(errors.INVALID, "b.txt", packed:chdir("b.txt"))
  refused(errors.NOT_FOUND, "none", packed:chdir("none"))
  assert(packed:chdir("/"))
  local file = assert(packed:open("a.txt", "r"))
  assert(file:read(2) == "in" and file:seek("end", -4) == 2 and file:read() == "side" and file:stat().size == 6)
  refused(errors.NOT_FOUND, "EOF", file:read())
  refused(errors.INVALID, "", file:seek("cur", -100))
  refused(errors.PERMISSION_DENIED, "read-only", file:write("x"))
  assert(file:seek("set", 0) == 0 and file:sync())
  local scanner = assert(file:scanner())
  assert(scanner:scan() == true and scanner:text() == "inside" and scanner:scan() == false)
  assert(file:close() and file:close())
  refused(errors.INVALID, "closed", file:read())
  for _, mode in ipairs { "w", "wx", "a" } do
    refused(errors.PERMISSION_DENIED, "read-only", packed:open("new.txt", mode))
    refused(errors.PERMISSION_DENIED, "read-only", packed:writefile("a.txt", "x", mode))
    refused(errors.PERMISSION_DENIED, "read-only", packed:write_file("a.txt", "x", mode))
  end
  refused(errors.PERMISSION_DENIED, "read-only", packed:mkdir("new"))
  refused(errors.PERMISSION_DENIED, "read-only", packed:remove("a.txt"))
  refused(errors.INVALID, "mode", packed:open("a.txt", "rw"))
  -- What is defined later is packed when it is needed.
  local added = {id = "app:added", kind = "fs.embed", data = {directory = "files/sub"}}
  assert(registry.snapshot():changes():create(added):apply())
  assert(fs.get("app:added"):readfile("b.txt") == "deep")
  added = {id = "app:empty", kind = "fs.embed", data = {directory = "not-there"}}
  assert(registry.snapshot():changes():create(added):apply())
  refused(errors.NOT_FOUND, "not-there", fs.get("app:empty"))

  refused(errors.NOT_FOUND, "app:none", fs.get("app:none"))
  refused(errors.INVALID, "not a fs.directory or fs.embed", fs.get("app:test"))
  refused(errors.INVALID, "empty", fs.get(""))
  refused(errors.NOT_FOUND, "not-there", fs.get("app:missing"))
end }
