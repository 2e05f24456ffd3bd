local numbers = require "numbers"
local time = require "time"
local io = require "io"
io.open("file")
time.sleep("1s")
numbers.twice("2")
store.get("x")
return { main = function() return require("nothing"), require("process").pid(), require("none") end }
