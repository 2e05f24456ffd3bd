local results = {
  seven = function() return 7 end,
  float = function() return 3.0 end,
  yes = function() return true end,
  no = function() return false end,
  none = function() end,
  text = function() return "done" end,
  error = function() return nil, "not today" end,
  raise = function() error("broken") end,
  kind = function() return nil, errors.new{message = "gone", kind = errors.NOT_FOUND} end,
}
return { main = function(name) return results[name]() end }
