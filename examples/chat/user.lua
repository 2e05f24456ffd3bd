-- A user in a room: what is typed goes to all who are there, what they say goes to the browser.

local pg = require("pg")

return {
  main = function(name: string, room: string)
    local rooms = assert(pg.open("chat:rooms"))
    local inbox = process.inbox()
    local client

    local function tell_all(what, text)
      rooms:broadcast(room, "said", { kind = what, name = name, text = text })
    end

    while true do
      local message = inbox:receive()
      local topic, payload = message:topic(), message:payload()
      local value = payload and payload:data()
      if topic == "ws.join" then
        client = value.client_pid
        assert(rooms:join(room))
        tell_all("enters", #rooms:get_members(room) .. " here")
      elseif topic == "typed" then
        tell_all("says", value)
      elseif topic == "said" then
        process.send(client, value.kind, { name = value.name, text = value.text })
      elseif topic == "ws.leave" then
        rooms:leave(room)
        tell_all("leaves", #rooms:get_members(room) .. " here")
        return
      end
    end
  end,
}
