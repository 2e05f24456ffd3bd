-- The functions behind the endpoints.

local function exchange() return assert(http.request()), assert(http.response()) end

return {
  answer = function()
    local request, response = exchange()
    response:write_json { text = names.greeting(request:param("name")) }
  end,

  -- Tells what a form has in it.
  take = function()
    local request, response = exchange()
    local form = assert(request:parse_multipart())
    local file = form.files.file[1]
    response:write_json { note = form.values.note, name = file:name(), size = file:size() }
  end,

  -- Lets the server send a file.
  send = function()
    local request, response = exchange()
    response:set_header("X-Sendfile", request:query("file"))
    response:set_header("X-File-Name", "saved.txt")
    response:set_header("X-Answer", "kept")
  end,

  fail = function() error("a secret") end,

  -- Hands the connection over as the query says.
  relay = function()
    local request, response = exchange()
    local order = { target_pid = request:query("target"), metadata = { who = request:query("who") }, heartbeat_interval = "20ms" }
    order.message_topic = request:query("topic")
    local header = request:path():find("socket") and "X-WS-Relay" or "X-SSE-Relay"
    response:set_header(header, request:query("wrong") or json.encode(order))
  end,

  inside = function()
    local _, response = exchange()
    response:write(process.pid())
  end,
}
