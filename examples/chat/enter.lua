-- Starts the process of a user and hands the connection over to it.

local http, json = require("http"), require("json")

type Name = string @min_len(1) @max_len(30)

return {
  enter = function()
    local request, response = assert(http.request()), assert(http.response())
    local name, err = Name:is(request:query("name"))
    if err then
      response:set_status(http.STATUS.BAD_REQUEST)
      response:write("name: " .. err:message())
      return
    end
    local user = assert(process.spawn("chat:user", "chat:host", name, request:param("room")))
    response:set_header("X-WS-Relay", json.encode { target_pid = user, message_topic = "typed" })
  end,
}
