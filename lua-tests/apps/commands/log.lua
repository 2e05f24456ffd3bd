return { main = function()
  print("printed")
  logger:info("plain")
  logger:debug("never seen")
  local named = assert(logger:named("a")):named("b")
  named:warn("two\nwords", {list = {1, 2}, [1] = "left out"})
  named:with{n = 1}:error("failed", {error = errors.new{message = "gone", kind = errors.NOT_FOUND}})
end }
