-- Several requests at once. Modules specification §3.6.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL = os.getenv("WEB_URL")

do
  local responses, errs = http.request_batch {
    { method = "GET", url = URL .. "/hello" },
    { method = "post", url = URL .. "/echo", options = { body = "posted" } },
    { method = "GET", url = URL .. "/status/404" },
  }
  assert(errs == nil and responses.n == 3)
  assert(responses[1].body == "hello" and responses[2].body:find("^POST") and responses[3].status_code == 404)
end

-- Those that fail are nil among the responses.
do
  local responses, errs = http.request_batch {
    { method = "GET", url = os.getenv("WEB_DEAD_URL") },
    { method = "GET", url = URL .. "/hello" },
    { method = "GET", url = URL .. "/silent/batch", options = { timeout = "20ms" } },
  }
  assert(responses.n == 3 and errs.n == 3)
  assert(responses[1] == nil and errors.is(errs[1], "Unavailable"))
  assert(responses[2].body == "hello" and errs[2] == nil)
  assert(responses[3] == nil and errors.is(errs[3], "Timeout"))
end

-- They run at the same time: each waits for a request that only the other sends.
do
  local key = "batch" .. process.pid():gsub("%W", "") .. os.time()
  local list = {}
  for i = 1, 3 do list[i] = { method = "GET", url = URL .. "/silent/" .. key, options = { timeout = "20s" } } end
  local pid = process.spawn(function(list) require("http_client").request_batch(list) end, guard.HOST, list)
  while http.get(URL .. "/waiting/" .. key).body ~= "3" do require("time").sleep("1ms") end
  assert(process.terminate(pid))
  while http.get(URL .. "/waiting/" .. key).body ~= "0" do require("time").sleep("1ms") end
end

-- One bad request, and none is sent.
do
  local function refused(text, bad)
    local list = { { method = "GET", url = URL .. "/hello" }, bad, { method = "GET", url = URL .. "/hello" } }
    local responses, err = http.request_batch(list)
    guard.refused("Invalid", text, responses, err)
    assert(err:message():find("request 2", 1, true), err:message())
  end
  refused("table expected", "text")
  refused("method", { url = URL })
  refused("method", { method = "", url = URL })
  refused("url", { method = "GET" })
  refused("malformed url", { method = "GET", url = "nowhere" })
  refused("timeout", { method = "GET", url = URL, options = { timeout = 0 } })
  refused("stream", { method = "GET", url = URL, options = { stream = true } })
  refused("PEM", { method = "GET", url = URL, options = { tls = { ca = "x" } } })
  guard.raises("bad argument #1 to 'http_client.request_batch'", http.request_batch, {})
  guard.raises("table expected, got no value", http.request_batch)
end
