-- Asks the server of its own application.

local address = "127.0.0.1:" .. env.get("FREE_PORT")
local URL = "http://" .. address

local function get(path, headers)
  local response, err = http_client.get(URL .. path, { headers = headers })
  return response or error(tostring(err), 2)
end

local function functions()
  local response = get("/api/hello/moon", { Origin = "https://good.test" })
  assert(response.status_code == 200 and json.decode(response.body).text == "hello, moon")
  assert(response.headers["Access-Control-Allow-Origin"] == "https://good.test")
  for _ = 1, 50 do assert(get("/api/hello/again").body == '{"text":"hello, again"}') end
  response = get("/api/fails")
  assert(response.status_code == 500 and not response.body:find("secret"))
  assert(get("/api/inside").body:find("app:host", 1, true), "runs on the host of the process")
  assert(get("/nothing").status_code == 404 and http_client.post(URL .. "/api/hello/x").status_code == 405)
end

local function files()
  local response = get("/files/note.txt")
  assert(response.body == "what is in the file" and response.headers["Cache-Control"] == "max-age=5")
  -- From memory.
  response = get("/packed/note.txt")
  assert(response.body == "what is in the file" and response.headers["Content-Type"] == "text/plain; charset=utf-8")
  assert(get("/packed/note.txt", { ["If-None-Match"] = response.headers.Etag }).status_code == 304)
  assert(get("/packed").body == response.body and get("/packed/./note.txt").body == response.body)
  response = get("/packed/note.txt", { Range = "bytes=8-9" })
  assert(response.status_code == 206 and response.body == "in")
  assert(get("/packed/nothing.txt").status_code == 404 and get("/packed/../client.lua").status_code == 404)
  response = get("/api/download?file=note.txt", { Range = "bytes=8-9" })
  assert(response.status_code == 206 and response.body == "in" and response.headers["X-Answer"] == "kept")
  assert(response.headers["Content-Disposition"] == 'attachment; filename="saved.txt"' and not response.headers["X-Sendfile"])
  assert(get("/api/download?file=nothing.txt").status_code == 404)
  assert(get("/api/download?file=../client.lua").status_code == 404)
  -- A file as part of a form.
  local note = assert(assert(fs.get("app:files")):open("note.txt", "r"))
  assert(note:read(5) == "what ")
  response = assert(http_client.post(URL .. "/api/upload", { form = { note = "n" }, files = { { name = "file", filename = "f.txt", reader = note } } }))
  local told = json.decode(response.body)
  assert(told.note == "n" and told.name == "f.txt" and told.size == 14, response.body)
  note:close()
  local refused, err = http_client.post(URL .. "/api/upload", { files = { { name = "file", reader = note } } })
  assert(refused == nil and errors.is(err, errors.INVALID))
end

local function next_message(topic)
  local message = process.inbox():receive()
  while message:topic() ~= topic and message:topic():find("heartbeat$") do message = process.inbox():receive() end
  assert(message:topic() == topic, message:topic())
  return message:payload():data(), message:from()
end

local function sockets()
  local path = "ws://" .. address .. "/api/socket?who=me&target="
  local refused, err = websocket.connect(path .. "x", { headers = { Origin = "https://bad.test" } })
  assert(refused == nil and errors.is(err, errors.UNAVAILABLE))
  assert(get("/api/socket?target=x").status_code == 426, "no handshake")
  assert(get("/api/socket?wrong=nonsense").status_code == 500)

  assert(process.registry.register("hub"))
  local client = assert(websocket.connect(path .. "hub", { headers = { Origin = "https://good.test" } }))
  local join = next_message("ws.join")
  assert(join.metadata.who == "me")
  assert(client:send("ping"))
  local text, from = next_message("ws.message")
  assert(text == "ping" and from == join.client_pid)
  assert(process.send(join.client_pid, "news", { 1, 2 }))
  assert(process.send(join.client_pid, "bytes", "\xff\xfe"))
  local function received() return json.decode(client:channel():receive().data) end
  local news = received()
  assert(news.topic == "news" and news.data[2] == 2)
  assert(received().data == "//4=")
  local beat
  repeat beat = process.inbox():receive() until beat:topic() == "ws.heartbeat"
  assert(beat:payload():data().client_pid == join.client_pid and beat:payload():data().message_count == 1)

  -- Another target, another topic.
  assert(process.send(join.client_pid, "ws.control", { message_topic = "talk" }))
  assert(process.send(join.client_pid, "news", "after"))
  assert(received().data == "after")
  client:send("\0\1", websocket.BINARY)
  assert(next_message("talk") == "\0\1")
  assert(process.send(join.client_pid, "ws.close", "enough"))
  local _, open = client:channel():receive()
  assert(not open)
  next_message("ws.leave")

  -- The client goes.
  client = assert(websocket.connect(path .. "hub"))
  join = next_message("ws.join")
  client:close()
  next_message("ws.leave")
  while process.send(join.client_pid, "news", "late") do time.sleep("1ms") end

  -- The target goes.
  local target = assert(process.spawn("app:leaves", "app:host"))
  client = assert(websocket.connect(path .. http_client.encode_uri(target)))
  client:send("go")
  local _, is_open = client:channel():receive()
  assert(not is_open)
  -- There is none.
  client = assert(websocket.connect(path .. "nobody"))
  _, is_open = client:channel():receive()
  assert(not is_open)
end

local function events()
  local stream = assert(http_client.get(URL .. "/api/events", { stream = true })).stream
  local lines = assert(stream:scanner())
  local function line()
    repeat assert(lines:scan()) until lines:text() ~= "" and lines:text() ~= ":"
    return lines:text()
  end
  assert(line() == "event: ready")
  local pid = json.decode(line():match("^data: (.*)")).stream_pid
  assert(process.send(pid, "news", { n = 1 }))
  assert(line() == "event: news" and line() == 'data: {"n":1}')
  assert(process.send(pid, "sse.close"))
  repeat until not lines:scan()
  assert(lines:err() == nil)

  -- With a target.
  stream = assert(http_client.get(URL .. "/api/events?target=hub", { stream = true })).stream
  local join = next_message("sse.join")
  stream:close()
  assert(next_message("sse.leave").client_pid == join.client_pid)
end

-- A caller that is canceled gets no answer, and the server sees that nobody waits.
local function canceled()
  local gone = process.listen("gone")
  for _, case in ipairs { { "GET" }, { "batch" }, { "GET", { stream = true } } } do
    local future = assert(funcs.async("app:ask", case[1], URL .. "/api/never", case[2]))
    while not process.registry.lookup("waits") do time.sleep("1ms") end
    assert(future:cancel())
    local answer, err = future:result()
    assert(answer == nil and errors.is(err, errors.CANCELED))
    assert(gone:receive() == true)
    while process.registry.lookup("waits") do time.sleep("1ms") end
  end
end

return { main = function()
  functions()
  files()
  sockets()
  events()
  canceled()
  return "all is well"
end }
