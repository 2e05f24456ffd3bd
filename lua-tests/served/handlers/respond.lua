-- Answers as the query says.

local http = require("http")

return function()
  local request, response = assert(http.request()), assert(http.response())
  local query = request:query_params()

  local function check_begun()
    for _, name in ipairs { "set_status", "set_header", "set_content_type", "set_transfer" } do
      local argument = name == "set_status" and 200 or "sse"
      assert(errors.is(response[name](response, argument, "x"), errors.INVALID), name)
    end
  end

  if query.status then assert(response:set_status(tonumber(query.status)) == nil) end
  if query.header then assert(response:set_header("X-Answer", query.header) == nil) end
  if query.type then assert(response:set_content_type(query.type) == nil) end
  if query.text then
    assert(select("#", response:write(query.text)) == 0)
    check_begun()
  elseif query.big then
    response:set_content_type("text/plain")
    response:write(("x"):rep(tonumber(query.big)))
  elseif query.chunks then
    assert(response:set_transfer(http.TRANSFER.CHUNKED) == nil)
    for i = 1, tonumber(query.chunks) do
      assert(response:write("piece " .. i .. "\n") == nil)
      assert(response:flush() == nil)
    end
    check_begun()
  elseif query.events then
    for i = 1, tonumber(query.events) do assert(response:write_event { name = "tick", data = { n = i } } == nil) end
    assert(response:write_event { data = "no name" } == nil)
  elseif query.lines then
    assert(response:write_json { 1 } == nil and response:write("\n") == nil and response:flush() == nil)
    assert(response:write_json { 2 } == nil)
  elseif query.json then
    assert(response:write_json { query.json } == nil)
  elseif query.fail == "before" then
    error("a secret")
  elseif query.fail == "after" then
    response:write("part")
    response:flush()
    error("a secret")
  elseif query.fail == "buffered" then
    response:write("part")
    return nil, "a secret"
  elseif query.wrong then
    assert(errors.is(response:set_status(99), errors.INVALID))
    assert(errors.is(response:set_header("a b", "x"), errors.INVALID))
    assert(errors.is(response:set_header("X", "a\nb"), errors.INVALID))
    assert(errors.is(response:set_header("Content-Length", "5"), errors.INVALID))
    assert(errors.is(response:set_transfer("pigeon"), errors.INVALID))
    assert(errors.is(response:write_json({ 1, x = 2 }), errors.INVALID))
    assert(errors.is(response:write_event { name = "two\nlines" }, errors.INVALID))
    assert(errors.is(response:write_event { data = { 1, x = 2 } }, errors.INVALID))
    assert(errors.is(response:write_event { name = 1 }, errors.INVALID))
    assert(errors.is(response:set_content_type("a\nb"), errors.INVALID))
    local value, err = http.request { max_body = "big" }
    assert(value == nil and errors.is(err, errors.INVALID))
    for _, options in ipairs { { max_body = -1 }, { timeout = "soon" }, { timeout = 0 } } do
      value, err = http.request(options)
      assert(value == nil and errors.is(err, errors.INVALID))
    end
    assert(not pcall(response.write, {}) and not pcall(response.write, response))
    assert(response:write("all wrong") == nil)
    -- Too late for events, but not for more of the same.
    assert(errors.is(response:write_event { data = 1 }, errors.INVALID))
  elseif query.endless then
    -- Until the client goes away; then it tells so.
    local err
    repeat err = response:write(("x"):rep(100000)) until err
    assert(errors.is(err, errors.CANCELED))
    local wrong
    for name, argument in pairs { write = "more", write_json = { 1 }, flush = false } do
      if not errors.is(response[name](response, argument), errors.CANCELED) then wrong = name end
    end
    process.send(query.endless, "gone", wrong or true)
  elseif query.endless_events then
    local err
    repeat err = response:write_event { data = ("x"):rep(100000) } until err
    process.send(query.endless_events, "gone", errors.is(err, errors.CANCELED) and errors.is(response:flush(), errors.CANCELED))
  elseif query.wait then
    local inbox = process.inbox()
    response:write("first half, ")
    response:flush()
    process.registry.register("waiting")
    inbox:receive()
    response:write("second half")
  elseif query.child then
    -- What it starts has no part in the exchange.
    local answers = channel.new()
    process.spawn("handler:outside", "app:processes", answers)
    local answer = answers:receive()
    response:write(answer)
  end
end
