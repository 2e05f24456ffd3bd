return { main = function(...)
  print("Hello", select("#", ...), ...)
  return 0
end }
