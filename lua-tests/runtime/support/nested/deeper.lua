-- Entries two folders below the script's folder.

return {
  first = function(parent) process.send(parent, "deep", "first") end,
  second = function(parent) process.send(parent, "deep", "second") end,
  not_a_function = 5,
}
