-- Reads the body of the request as the query says.

local http = require("http")

local function failed(err) return err and { kind = err:kind(), message = err:message() } end

return function()
  local most = tonumber(http.request():query("most"))
  local limit = http.request():query("timeout")
  local request, response = assert(http.request { max_body = most, timeout = limit }), assert(http.response())
  local as, report = request:query("as"), request:query("report")
  if report then
    -- Says when it begins to read, and why that fails.
    process.send(report, "begun", true)
    local ways = { text = request.body, json = request.body_json, form = request.parse_multipart }
    local value, err
    if as == "stream" then
      local stream = assert(request:stream())
      repeat value, err = stream:read() until not value
    else
      value, err = ways[as](request)
    end
    process.send(report, "ended", value == nil and err and err:kind())
    return
  end
  if as == "text" then
    local body, err = request:body()
    local again = request:body()
    assert(body == again)
    if err then response:write_json(failed(err)) else response:write(body) end
  elseif as == "json" then
    local value, err = request:body_json()
    response:write_json { value = value, err = failed(err) }
  elseif as == "stream" then
    local stream, err = request:stream()
    if not stream then return response:write_json(failed(err)) end
    local second, again = request:stream()
    assert(second == nil and errors.is(again, errors.INVALID))
    local none, late = request:body()
    assert(none == nil and errors.is(late, errors.INVALID))
    response:set_transfer("chunked")
    for piece in function() return stream:read() end do
      response:write(piece)
      response:flush()
    end
  elseif as == "form" then
    local form, err = request:parse_multipart(tonumber(request:query("memory")))
    if not form then return response:write_json(failed(err)) end
    local files = {}
    for name, list in pairs(form.files) do
      for i, file in ipairs(list) do
        files[#files + 1] = { field = name, index = i, name = file:name(), size = file:size(),
          type = file:header("Content-Type"), content = file:stream():read() }
      end
    end
    response:write_json { values = form.values, files = files }
  end
end
