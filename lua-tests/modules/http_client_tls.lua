-- TLS and HTTP/2. Modules specification §3, §3.4.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL, CLIENTS, STRANGER = os.getenv("WEB_TLS_URL"), os.getenv("WEB_CLIENT_TLS_URL"), os.getenv("WEB_STRANGER_URL")

local function content(name)
  local file = assert(io.open(os.getenv(name)))
  local text = file:read("a")
  file:close()
  return text
end

local CA, CERT, KEY = content("WEB_CA"), content("WEB_CERT"), content("WEB_KEY")

-- HTTP/2 where the server offers it.
do
  local response, err = http.get(URL .. "/echo", { tls = { ca = CA } })
  assert(response, tostring(err))
  assert(response.headers["X-Version"] == "2" and response.url == URL .. "/echo")
  assert(response.body:find(":authority: " .. URL:match("//(.*)$"), 1, true))
  assert(not response.body:find("\nhost: "))
  response = http.get(URL .. "/echo", { tls = { ca = CA }, headers = { Host = "other.test" } })
  assert(response.body:find(":authority: other.test", 1, true))
  response = http.post(URL .. "/echo", { tls = { ca = CA }, body = ("b"):rep(200000) })
  assert(#response.body > 200000 and response.body:sub(-3) == "bbb")
  assert(#http.get(URL .. "/bytes/1000000", { tls = { ca = CA } }).body == 1000000)
  assert(http.get(URL .. "/chunks/a/b/c", { tls = { ca = CA } }).body == "abc")
  local stream = http.get(URL .. "/chunks/a/b/c", { tls = { ca = CA }, stream = true }).stream
  assert(stream:scanner("words"):scan())
  response, err = http.head(URL .. "/bytes/5", { tls = { ca = CA } })
  assert(response and response.body == "" and response.headers["Content-Length"] == "5", tostring(err))
end

-- Many at once over one connection, which others use while a body of it is not read.
do
  local stalled = assert(http.get(URL .. "/stalled/h2", { tls = { ca = CA }, stream = true })).stream
  assert(stalled:read() == "first")
  local number = http.get(URL .. "/connection", { tls = { ca = CA } }).body
  local list = {}
  for i = 1, 20 do list[i] = { method = "GET", url = URL .. "/connection", options = { tls = { ca = CA } } } end
  local responses, errs = http.request_batch(list)
  assert(errs == nil)
  for i = 1, 20 do assert(responses[i].body == number, "one connection") end
  stalled:close()
end

-- Certificates that are not acceptable. To try again is no use.
do
  local function refused(url, tls)
    local response, err = http.get(url, { tls = tls })
    guard.refused("Unavailable", "TLS", response, err)
    assert(err:retryable() == false, tostring(err))
  end
  refused(URL, nil)
  refused(URL, { ca = CERT })
  refused(STRANGER, { ca = CA })
  refused(URL, { ca = CA, server_name = "elsewhere.test" })
  assert(http.get(STRANGER, { tls = { ca = CA, server_name = "somebody.else.test" } }).body == "hello")
  assert(http.get(URL, { tls = { ca = CA, server_name = "moonlet.test" } }).body == "hello")
  local by_name = URL:gsub("127%.0%.0%.1", "localhost")
  assert(http.get(by_name, { tls = { ca = CA } }).body == "hello")
  assert(http.get(STRANGER, { tls = { insecure_skip_verify = true } }).body == "hello")
  refused(STRANGER, { ca = CA })
end

-- Clients with a certificate.
do
  local response, err = http.get(CLIENTS .. "/echo", { tls = { ca = CA, cert = CERT, key = KEY } })
  assert(response, tostring(err))
  assert(response.headers["X-Version"] == "1")
  response, err = http.get(CLIENTS .. "/echo", { tls = { ca = CA } })
  guard.refused("Unavailable", "", response, err)
  guard.refused("Invalid", "", http.get(CLIENTS, { tls = { ca = CA, cert = CERT, key = CERT } }))
  guard.refused("Invalid", "", http.get(CLIENTS, { tls = { ca = CA, cert = KEY, key = KEY } }))
end

-- No TLS at the other end, and the other way round.
do
  guard.refused("Unavailable", "TLS", http.get((os.getenv("WEB_URL"):gsub("http:", "https:"))))
  guard.refused("Unavailable", "", http.get((URL:gsub("https:", "http:"))))
end

-- From one to the other.
do
  local plain = os.getenv("WEB_URL")
  local response, err = http.get(plain .. "/to?302&" .. URL .. "/hello", { tls = { ca = CA } })
  assert(response and response.url == URL .. "/hello", tostring(err))
end
