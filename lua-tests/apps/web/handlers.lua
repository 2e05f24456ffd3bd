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

  -- Until the client goes away.
  wait = function()
    local _, response = exchange()
    process.registry.register("waits")
    local err
    repeat
      err = response:write(".")
      if not err then err = response:flush() end
      time.sleep("1ms")
    until err
    assert(errors.is(err, errors.CANCELED))
    process.send("hub", "gone", true)
  end,

  ask = function(method, url, options)
    if method == "batch" then return http_client.request_batch { { method = "GET", url = url, options = options } } end
    local response, err = http_client.request(method, url, options)
    if not response or not response.stream then return response, err end
    local piece
    repeat piece, err = response.stream:read() until not piece
    return nil, err
  end,

  inside = function()
    local _, response = exchange()
    response:write(process.pid())
  end,
}
