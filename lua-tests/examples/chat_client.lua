-- Uses examples/chat as browsers do: its address is the argument.

local http, json, websocket = require("http_client"), require("json"), require("websocket")
local address = arg[1]:gsub("^http://", "")

local page = assert(http.get("http://" .. address .. "/"))
assert(page.status_code == 200 and page.body:find("<title>chat</title>", 1, true))
assert(http.get("http://" .. address .. "/rooms/hall").status_code == 400, "without a name")

local function enter(room, name)
  local client = assert(websocket.connect(("ws://%s/rooms/%s?name=%s"):format(address, room, name)))
  local user = {}
  function user.say(text) assert(client:send(text)) end
  function user.leave() assert(client:close()) end
  function user.hears(kind, who, text)
    local event = json.decode(client:channel():receive().data)
    assert(event.topic == kind and event.data.name == who and (not text or event.data.text == text), json.encode(event))
  end
  return user
end

local ann = enter("hall", "Ann")
ann.hears("enters", "Ann", "1 here")
local bob = enter("hall", "Bob")
ann.hears("enters", "Bob", "2 here")
bob.hears("enters", "Bob", "2 here")
local eve = enter("cellar", "Eve")
eve.hears("enters", "Eve", "1 here")
bob.say("hello")
ann.hears("says", "Bob", "hello")
bob.hears("says", "Bob", "hello")
eve.say("nobody hears me")
eve.hears("says", "Eve")
ann.say("bye")
ann.hears("says", "Ann", "bye")
ann.leave()
bob.hears("says", "Ann", "bye")
bob.hears("leaves", "Ann", "1 here")
print("all is well")
