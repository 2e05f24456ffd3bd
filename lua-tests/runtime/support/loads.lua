-- What happens while an entry loads, and that some of them fail then.

local pg = require("pg").open("app:loads")
pg:join("loaded")
require("events").subscribe("loads")
require("time").after("1h")

return {
  main = function() return #pg:get_members("loaded") end,
}
