return { main = function(deeper)
  if deeper then return funcs.new():with_context{b = "inner", c = {1, x = 2}}:call("app:ctx") end
  return ctx.all()
end }
