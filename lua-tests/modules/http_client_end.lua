-- The end of a process in the middle of a request leaves nothing behind: the server sees the connection closed.
-- Modules specification §0.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local time = require("time")
local URL = os.getenv("WEB_URL")

local keys = 0
local function new_key()
  keys = keys + 1
  return ("end%d%s%d"):format(os.time(), tostring({}):gsub("%W", ""), keys)
end

-- Waits until so many requests with a key are being answered.
local function wait_for(key, count)
  while http.get(URL .. "/waiting/" .. key).body ~= tostring(count) do time.sleep("1ms") end
end

local function request(url) require("http_client").get(url) end

local function read_all(url, ready)
  local stream = require("http_client").get(url, { stream = true }).stream
  stream:read()
  ready:send(true)
  stream:read()
end

-- Before the response, in the middle of a body that is read whole, in the middle of a stream.
for _, case in ipairs { { "/silent/", request }, { "/stalled/", request } } do
  local key = new_key()
  local pid = assert(process.spawn(case[2], guard.HOST, URL .. case[1] .. key))
  wait_for(key, 1)
  assert(process.terminate(pid))
  wait_for(key, 0)
end
do
  local key, ready = new_key(), channel.new()
  local pid = assert(process.spawn(read_all, guard.HOST, URL .. "/stalled/" .. key, ready))
  assert(guard.receive(ready, "the first piece"))
  wait_for(key, 1)
  assert(process.terminate(pid))
  wait_for(key, 0)
end

-- A stream that nobody reads any more: closed, collected, or left open when the process ends by itself.
do
  local key = new_key()
  local stream = http.get(URL .. "/stalled/" .. key, { stream = true }).stream
  wait_for(key, 1)
  stream:close()
  wait_for(key, 0)
  stream = http.get(URL .. "/stalled/" .. key, { stream = true }).stream
  wait_for(key, 1)
  stream = nil
  collectgarbage()
  collectgarbage()
  wait_for(key, 0)
  guard.run(function(url) return require("http_client").get(url, { stream = true }).status_code end, URL .. "/stalled/" .. key)
  wait_for(key, 0)
end

-- A request that takes too long is given up at the other end too.
do
  local key = new_key()
  http.get(URL .. "/silent/" .. key, { timeout = "5ms" })
  wait_for(key, 0)
end
