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

  refused(errors.NOT_FOUND, "app:none", fs.get("app:none"))
  refused(errors.INVALID, "not a fs.directory", fs.get("app:test"))
  refused(errors.INVALID, "empty", fs.get(""))
  refused(errors.NOT_FOUND, "not-there", fs.get("app:missing"))
end }
