-- Bodies as streams. Modules specification §3.3, §4.2.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL = os.getenv("WEB_URL")

local function open(path, options)
  options = options or {}
  options.stream = true
  local response, err = http.get(URL .. path, options)
  assert(response, tostring(err))
  assert(response.body == nil and response.body_size == -1)
  return response.stream
end

-- Reading.
do
  local stream = open("/chunks/one/two/three")
  assert(type(stream) == "userdata" and tostring(stream) == "stream.Stream{open}")
  local all = ""
  for piece in function() return stream:read() end do all = all .. piece end
  assert(all == "onetwothree")
  local piece, err = stream:read()
  assert(piece == nil and err == nil, "the end stays the end")
  stream = open("/bytes/10")
  assert(stream:read(4) == "xxxx" and stream:read(1) == "x")
  assert(#stream:read(100) == 5 and stream:read(1) == nil)
  stream = open("/bytes/100000")
  local size = 0
  for piece in function() return stream:read() end do
    assert(#piece >= 1 and #piece <= 32768)
    size = size + #piece
  end
  assert(size == 100000)
  assert(open("/maybe-gzip/compressed"):read() == "compressed")
  assert(open("/status/204"):read() == nil)
end

-- The rest of the interface.
do
  local stream = open("/bytes/10")
  local stat = assert(stream:stat())
  assert(stat.size == 10 and stat.position == 0 and stat.readable and not stat.writable and not stat.seekable)
  stream:read(3)
  assert(stream:stat().position == 3)
  assert(open("/chunks/a/b"):stat().size == -1)
  guard.refused("Invalid", "negative", stream:read(-1))
  guard.refused("Internal", "writable", stream:write("x"))
  guard.refused("Internal", "seekable", stream:seek("set", 0))
  guard.refused("Invalid", "whence", stream:seek("middle", 0))
  assert(stream:flush() == true)
  local closed, err = stream:close()
  assert(closed == true and err == nil and stream:close() == true, "may be repeated")
  assert(tostring(stream) == "stream.Stream{closed}")
  guard.refused("Internal", "closed", stream:read())
  guard.refused("Internal", "closed", stream:write("x"))
  guard.refused("Internal", "closed", stream:seek())
  guard.refused("Internal", "closed", stream:stat())
  guard.refused("Internal", "closed", stream:scanner())
  local flushed, flush_error = stream:flush()
  assert(flushed == false and errors.is(flush_error, "Internal"))
  guard.raises("stream.Stream expected", stream.read, {})
end

-- Scanners.
do
  local function tokens(stream, split)
    local scanner, list = assert(stream:scanner(split)), {}
    assert(scanner:text() == "" and scanner:err() == nil)
    while scanner:scan() do list[#list + 1] = scanner:text() end
    assert(scanner:err() == nil)
    local more, err = scanner:scan()
    assert(more == false and err == nil)
    return table.concat(list, "|")
  end
  local lines = URL .. "/chunks/%0A"
  assert(tokens(open("/chunks/one/two")) == "onetwo")
  assert(tokens(open("/bytes/3"), "bytes") == "x|x|x")
  assert(tokens(open("/chunks/one/two"), "words") == "onetwo")
  assert(tokens(open("/chunks/ab/c"), "runes") == "a|b|c")
  local echo = assert(http.post(URL .. "/echo", { stream = true, body = "a\r\n\nlast  line" })).stream
  local all = tokens(echo)
  assert(all:find("^POST /echo|") and all:find("|a||last  line$"), all)
  guard.refused("Invalid", "split", open("/hello"):scanner("letters"))
  local scanner = open("/bytes/70000"):scanner()
  local found, err = scanner:scan()
  assert(found == false and errors.is(err, "Internal") and scanner:err():find("too long"))
  local stream = open("/chunks/a/b")
  scanner = assert(stream:scanner())
  assert(stream:close())
  found, err = scanner:scan()
  assert(found == false and errors.is(err, "Internal") and scanner:err():find("closed"))
  stream = open("/stalled/scan", { timeout = "50ms" })
  scanner = assert(stream:scanner("bytes"))
  for _ = 1, 5 do assert(scanner:scan()) end
  found, err = scanner:scan()
  assert(found == false and errors.is(err, "Timeout"))
end

-- To close a stream ends a read that is under way, and it is the same stream in every coroutine.
do
  local pause = 1
  repeat
    local stream = open("/stalled/close")
    assert(stream:read() == "first")
    local done = channel.new()
    coroutine.spawn(function()
      local piece, err = stream:read()
      done:send({ piece, err })
    end)
    require("time").sleep(pause .. "ms")
    pause = pause * 2
    assert(stream:close())
    local result = guard.receive(done, "the end of the read")
    -- A read that had not begun finds the stream closed.
    assert(result[1] == nil and (errors.is(result[2], "Canceled") or errors.is(result[2], "Internal")), tostring(result[2]))
  until errors.is(result[2], "Canceled")
end

-- A stream does not travel.
do
  local value = guard.run(function(stream) return type(stream) end, open("/hello"))
  assert(value == "nil")
end
