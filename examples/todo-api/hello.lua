local http = require("http")

return {
  hello = function()
    local response = assert(http.response())
    response:write_json { message = "hello", ok = true }
  end,
}
