-- WebSocket connections. Modules specification §4.15.

local websocket = require("websocket")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL, TLS_URL = os.getenv("WEB_SOCKETS_URL"), os.getenv("WEB_TLS_SOCKETS_URL")

local function connect(path, options)
  local client, err = websocket.connect(URL .. path, options)
  assert(client, tostring(err))
  return client, client:channel()
end

local function next_message(channel)
  local message = guard.receive(channel, "a message")
  assert(message, "the connection has ended")
  return message.data, message.type
end

local function expect_end(channel)
  local message, ok = guard.receive(channel, "the end")
  assert(message == nil and ok == false)
end

-- Messages there and back.
do
  local client, channel = connect("/echo")
  assert(type(client) == "userdata" and tostring(client) == "websocket.Client{open}")
  assert(client:receive() == channel and client:channel() == channel)
  local ok, err = client:send("text ä")
  assert(ok == true and err == nil)
  local data, kind = next_message(channel)
  assert(data == "text ä" and kind == websocket.TYPE_TEXT)
  assert(client:send("\0\xFF", websocket.BINARY))
  data, kind = next_message(channel)
  assert(data == "\0\xFF" and kind == "binary")
  assert(client:send("by name", "binary") and select(2, next_message(channel)) == "binary")
  assert(client:send("", websocket.TEXT) and next_message(channel) == "")
  local long = ("0123456789"):rep(100000)
  assert(client:send(long) and next_message(channel) == long)
  assert(client:ping() == true)
  ok, err = client:close()
  assert(ok == true and err == nil and client:close() == true, "may be repeated")
  assert(tostring(client) == "websocket.Client{closed}")
  expect_end(channel)
  local sent, why = client:send("late")
  assert(sent == false and errors.is(why, errors.INVALID))
end

-- Constants.
do
  assert(websocket.TEXT == 1 and websocket.BINARY == 2)
  for _, name in ipairs { "TEXT", "BINARY", "PING", "PONG", "CLOSE" } do assert((websocket :: any)["TYPE_" .. name] == name:lower()) end
  local compression, codes = websocket.COMPRESSION, websocket.CLOSE_CODES
  assert(compression.DISABLED == 0 and compression.CONTEXT_TAKEOVER == 1 and compression.NO_CONTEXT == 2)
  assert(codes.NORMAL == 1000 and codes.GOING_AWAY == 1001 and codes.POLICY_VIOLATION == 1008 and codes.INTERNAL_ERROR == 1011)
  for _, code in pairs(codes) do assert(math.type(code) == "integer" and code >= 1000 and code <= 1015) end
end

-- The handshake.
do
  local client, channel = connect("/hello", { headers = { ["X-Test"] = "yes" }, protocols = { "one", "two" } })
  assert(next_message(channel) == URL:match("//(.*)") .. " yes one, two")
  client:close(4001, "enough")
  client, channel = connect("/hello", {})
  assert(next_message(channel):find(" none none$"))
  client:close()
  local file = assert(io.open(os.getenv("WEB_CA")))
  local ca = file:read("a")
  file:close()
  client = assert(websocket.connect(TLS_URL .. "/echo", { tls = { ca = ca } }))
  assert(client:send("secret") and next_message(client:channel()) == "secret")
  client:close()
end

-- The other end ends the connection.
do
  local client, channel = connect("/count/3")
  for i = 1, 3 do assert(next_message(channel) == tostring(i)) end
  expect_end(channel)
  assert(client:close() == true)
  for _, path in ipairs { "/close", "/drop" } do
    client, channel = connect(path)
    assert(client:send("now"))
    expect_end(channel)
    local ok, err = client:send("too late")
    assert(ok == false and errors.is(err, errors.UNAVAILABLE) and err:retryable() == true)
  end
end

-- Nothing is lost when nobody receives for a while, and a program may want no more.
do
  local client, channel = connect("/count/1000", { channel_capacity = 1 })
  require("time").sleep("2ms")
  for i = 1, 1000 do assert(next_message(channel) == tostring(i)) end
  expect_end(channel)
  client, channel = connect("/count/1000", { channel_capacity = 1 })
  assert(next_message(channel) == "1")
  channel:close()
  assert(client:close())
end

-- Limits.
do
  local client, channel = connect("/echo", { read_limit = 100 })
  assert(client:send(("x"):rep(100)) and #next_message(channel) == 100)
  assert(client:send(("x"):rep(101)))
  expect_end(channel)
  client, channel = connect("/echo", { read_timeout = "5ms" })
  expect_end(channel)
end

-- What goes wrong.
do
  guard.raises("string expected, got no value", websocket.connect)
  guard.raises("empty", websocket.connect, "")
  for _, url in ipairs { "nowhere", "http://127.0.0.1/", "ws://", "ws://host:x" } do
    guard.refused("Invalid", "malformed url", websocket.connect(url))
  end
  local function invalid(text, options) guard.refused("Invalid", text, websocket.connect(URL .. "/echo", options)) end
  invalid("options", "text")
  invalid("headers", { headers = "text" })
  invalid("headers.a b", { headers = { ["a b"] = "x" } })
  invalid("headers.a", { headers = { a = "x\ny" } })
  invalid("protocols", { protocols = { 1 } })
  invalid("protocols", { protocols = { "a b" } })
  for _, key in ipairs { "dial_timeout", "read_timeout", "write_timeout" } do invalid(key, { [key] = 0 }) end
  invalid("compression", { compression = 3 })
  invalid("compression_threshold", { compression_threshold = -1 })
  invalid("read_limit", { read_limit = 1 << 28 })
  invalid("channel_capacity", { channel_capacity = 0 })
  invalid("PEM", { tls = { ca = "x" } })
  local function unavailable(url)
    local client, err = websocket.connect(url)
    guard.refused("Unavailable", "", client, err)
    assert(err:retryable() == true)
  end
  unavailable(os.getenv("WEB_DEAD_URL"):gsub("http", "ws"))
  unavailable(URL .. "/refuse")
  unavailable(os.getenv("WEB_URL"):gsub("http", "ws") .. "/hello")
  local client, err = websocket.connect(os.getenv("WEB_URL"):gsub("http", "ws") .. "/silent/websocket", { dial_timeout = 10 })
  guard.refused("Timeout", "", client, err)
  client = connect("/echo")
  local function refused(ok, why) assert(ok == false and errors.is(why, errors.INVALID)) end
  refused(client:send("\xFF"))
  refused(client:send("x", 3))
  refused(client:close(999))
  refused(client:close(5000))
  refused(client:close(1000, ("x"):rep(124)))
  refused(client:close(1000, "\xFF"))
  guard.raises("string expected", client.send, client)
  guard.raises("websocket.Client expected", client.send, {}, "x")
  client:close()
end
