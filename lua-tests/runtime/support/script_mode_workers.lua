-- Process bodies for script_mode.lua.

local M = {}

function M.profile(parent, names)
  local missing = {}
  for _, name in ipairs(names) do if not _G[name] then missing[#missing + 1] = name end end
  process.send(parent, "profile", table.concat(missing, " "))
end

return M
