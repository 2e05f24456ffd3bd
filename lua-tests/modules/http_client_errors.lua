-- What goes wrong. Modules specification §3.2, §3.4, §3.7.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL, BROKEN = os.getenv("WEB_URL"), os.getenv("WEB_BROKEN_URL")

local function invalid(text, options, url)
  guard.refused("Invalid", text, http.get(url or URL, options))
end

-- Misuse raises.
do
  guard.raises("bad argument #1 to 'http_client.get' (string expected, got no value)", http.get)
  guard.raises("bad argument #1 to 'http_client.post' (string expected, got table)", http.post, {})
  guard.raises("bad argument #1 to 'http_client.get'", http.get, "")
  guard.raises("bad argument #1 to 'http_client.request'", http.request, "", URL)
  guard.raises("bad argument #2 to 'http_client.request'", http.request, "GET", "")
  guard.raises("bad argument #2 to 'http_client.request' (string expected, got no value)", http.request, "GET")
end

-- Urls and methods.
do
  for _, url in ipairs { "no url", "/path", "ftp://host/", "http://", "http://host:port/", "file:///etc/passwd", "http://[::1" } do
    invalid("malformed url", nil, url)
  end
  invalid("malformed url", nil, "http://\xFF/")
  guard.refused("Invalid", "method", http.request("A B", URL))
end

-- Options of wrong types name the key.
do
  invalid("options", 5)
  for _, key in ipairs { "headers", "query", "form", "files", "cookies", "auth", "tls" } do invalid(key, { [key] = "text" }) end
  for _, key in ipairs { "body", "unix_socket", "overlay_network" } do invalid(key, { [key] = {} }) end
  for _, key in ipairs { "headers", "query", "form", "cookies" } do
    invalid(key .. ".x", { [key] = { x = print } })
    invalid(key .. ".x", { [key] = { x = { {} } } })
  end
  invalid("stream", { stream = 1 })
  invalid("max_response_body", { max_response_body = "much" })
  invalid("max_response_body", { max_response_body = -1 })
  for _, timeout in ipairs { 0, -1, "0", "soon", true, "-1s", {} } do invalid("timeout", { timeout = timeout }) end
  invalid("headers.a b", { headers = { ["a b"] = "x" } })
  invalid("headers.a", { headers = { a = "x\r\ny: z" } })
  invalid("cookies", { cookies = { a = "x\ny" } })
  invalid("auth.user", { auth = { pass = "x" } })
  invalid("auth.pass", { auth = { user = "x" } })
  invalid("unix_socket", { unix_socket = "" })
  invalid("overlay_network", { overlay_network = "" })
  guard.refused("NotFound", "app:net", http.get(URL, { overlay_network = "app:net" }))
  assert(http.get(URL, { unknown = print, timeout = "1h" }), "unknown keys are ignored")
end

-- Files.
do
  local function file(text, fields) guard.refused("Invalid", text, http.post(URL, { files = { fields } })) end
  file("files", "text")
  file("name", { content = "x" })
  file("content or reader", { name = "x" })
  file("reader", { name = "x", reader = "text" })
  file("content", { name = "x", content = {} })
  file("content_type", { name = "x", content = "", content_type = "a\nb" })
end

-- Settings of TLS, also where no TLS is used.
do
  invalid("belong together", { tls = { cert = "x" } })
  invalid("belong together", { tls = { key = "x" } })
  invalid("PEM", { tls = { cert = "x", key = "y" } })
  invalid("ca", { tls = { ca = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n" } })
  invalid("server_name", { tls = { server_name = {} } })
  invalid("no name of a server", { tls = { server_name = "a b" } })
  invalid("insecure_skip_verify", { tls = { insecure_skip_verify = "yes" } })
end

-- The network.
do
  local function unavailable(url, text)
    local response, err = http.get(url)
    guard.refused("Unavailable", text, response, err)
    assert(err:retryable() == true, tostring(err))
  end
  unavailable(os.getenv("WEB_DEAD_URL"), "refused")
  unavailable(BROKEN .. "/reset", "")
  unavailable(BROKEN .. "/garbage", "")
  unavailable(BROKEN .. "/short", "breaks off")
  unavailable(BROKEN .. "/gzip", "gzip")
  unavailable(BROKEN .. "/half", "gzip")
  guard.refused("Unavailable", "no such host", http.get("http://a..b/"))
end

-- A server that hangs up in the handshake, and one that does so later, with TLS and without.
do
  local file = assert(io.open(os.getenv("WEB_CA")))
  local ca = file:read("a")
  file:close()
  for _, case in ipairs {
    { (BROKEN:gsub("http:", "https:")), "TLS" }, { os.getenv("WEB_TLS_BROKEN_URL") .. "/reset", "" },
    { os.getenv("WEB_TLS_BROKEN_URL") .. "/short", "breaks off" }, { os.getenv("WEB_TLS_BROKEN_URL") .. "/cut", "breaks off" },
    { BROKEN .. "/cut", "breaks off" },
  } do
    local response, err = http.get(case[1], { tls = { ca = ca } })
    guard.refused("Unavailable", case[2], response, err)
    assert(err:retryable() == true, tostring(err))
    if case[2] == "breaks off" then
      local stream = assert(http.get(case[1], { tls = { ca = ca }, stream = true })).stream
      local piece
      repeat piece, err = stream:read() until not piece
      guard.refused("Unavailable", "breaks off", piece, err)
    end
  end
end

-- Every function that makes a request can fail in every way.
do
  local long = { max_response_body = 1000 }
  local TLS = os.getenv("WEB_TLS_URL")
  local cases = {
    { "Invalid", "malformed url", "nowhere" },
    { "Invalid", "timeout", URL, { timeout = 0 } },
    { "Invalid", "PEM", URL, { tls = { ca = "x" } } },
    -- What is no name will never be one.
    { "Unavailable", "no such host", "http://a..b/" },
    { "Unavailable", "refused", os.getenv("WEB_DEAD_URL"), repeats = true },
    { "Unavailable", "TLS", (BROKEN:gsub("http:", "https:")), repeats = true },
    { "Unavailable", "", BROKEN .. "/reset", repeats = true },
    { "Unavailable", "", BROKEN .. "/garbage", repeats = true },
    { "Unavailable", "too many redirects", URL .. "/redirect/11", repeats = true },
    { "Unavailable", "TLS", TLS },
    { "Timeout", "", URL .. "/silent/all", { timeout = "10ms" }, repeats = true },
    { "Internal", "too large", URL .. "/bytes/1001", long },
  }
  local functions = { request = function(url, options) return http.request("OPTIONS", url, options) end }
  for _, name in ipairs { "get", "post", "put", "patch", "delete", "head" } do functions[name] = (http :: any)[name] end
  for name, make in pairs(functions) do
    for _, case in ipairs(cases) do
      local response, err = make(case[3], case[4])
      -- To ask for the head alone is not to get a body.
      if name == "head" and case[1] == "Internal" then
        assert(response and err == nil)
      else
        guard.refused(case[1], case[2], response, err)
        assert(err:retryable() == (case.repeats == true), name .. ": " .. tostring(err))
      end
    end
  end
  -- In a batch, what cannot be sent fails them all, anything else itself alone.
  local list, expected = {}, {}
  for _, case in ipairs(cases) do
    local request = { method = "GET", url = case[3], options = case[4] }
    if case[1] == "Invalid" then
      guard.refused(case[1], case[2], http.request_batch { request })
    else
      list[#list + 1], expected[#expected + 1] = request, case
    end
  end
  list[#list + 1] = { method = "GET", url = URL .. "/hello" }
  local responses, errs = http.request_batch(list)
  for i, case in ipairs(expected) do
    guard.refused(case[1], case[2], responses[i], errs[i])
    assert(errs[i]:retryable() == (case.repeats == true))
  end
  assert(responses[#list].body == "hello" and errs[#list] == nil)
end

-- Time.
do
  local time = require("time")
  local function late(path, options)
    local response, err = http.get(URL .. path, options)
    guard.refused("Timeout", "", response, err)
    assert(err:retryable() == true)
  end
  late("/silent/late", { timeout = 0.01 })
  late("/silent/late", { timeout = "10ms" })
  late("/silent/late", { timeout = time.parse_duration("10ms") })
  late("/stalled/late", { timeout = "50ms" })
  -- With a stream the limit is for each read.
  local response = assert(http.get(URL .. "/stalled/late", { stream = true, timeout = "50ms" }))
  assert(response.stream:read() == "first")
  guard.refused("Timeout", "", response.stream:read())
end

-- Refusals are not worth repeating.
do
  local _, err = http.get("ftp://host/")
  assert(err:retryable() == false)
end
