-- Requests and responses. Modules specification §3.1 to §3.3.

local http = require("http_client")
package.path = package.path .. ";../runtime/?.lua"
local guard = require("support.guard")
local URL = os.getenv("WEB_URL")

-- A request as the server saw it: its first line, headers by name, body.
local function seen(response, err)
  assert(response, tostring(err))
  local head, body = response.body:match("^(.-)\n\n(.*)$")
  local first, rest = head:match("^([^\n]*)\n?(.*)$")
  local headers = {}
  for name, value in rest:gmatch("([^\n]-): ([^\n]*)") do
    headers[name] = headers[name] and headers[name] .. "|" .. value or value
  end
  return first, headers, body
end

-- The shape of a response.
do
  local response, err = http.get(URL .. "/hello")
  assert(err == nil)
  assert(response.status_code == 200 and response.body == "hello" and response.body_size == 5)
  assert(response.url == URL .. "/hello" and response.stream == nil)
  assert(response.headers["Content-Length"] == "5", "canonical names")
  assert(next(response.cookies) == nil)
  response = http.get(URL)
  assert(response.url == URL .. "/")
end

-- Every method.
do
  for name, method in pairs { get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE" } do
    local first = seen(http[name](URL .. "/echo"))
    assert(first == method .. " /echo", first)
  end
  local response = http.head(URL .. "/hello")
  assert(response.status_code == 200 and response.body == "" and response.body_size == 0)
  assert(response.headers["Content-Length"] == "5")
  assert(seen(http.request("get", URL .. "/echo")) == "GET /echo")
  assert(seen(http.request("PROPFIND", URL .. "/echo")) == "PROPFIND /echo")
  assert(seen(http.request("x-y!", URL .. "/echo")) == "X-Y! /echo")
end

-- Any status is a success.
do
  for _, status in ipairs { 201, 304, 400, 404, 418, 500, 503 } do
    local response, err = http.get(URL .. "/status/" .. status)
    assert(err == nil and response.status_code == status)
  end
  assert(http.get(URL .. "/status/204").body == "")
end

-- Headers: default ones, own ones, several of one name, numbers and booleans.
do
  local _, headers = seen(http.get(URL .. "/echo"))
  assert(headers["user-agent"]:find("^moonlet/%d"), headers["user-agent"])
  assert(headers["accept-encoding"] == "gzip" and headers.host == URL:match("//(.*)$"))
  assert(headers["content-length"] == nil and headers["content-type"] == nil)
  _, headers = seen(http.get(URL .. "/echo", { headers = {
    ["user-agent"] = "me", ["X-Number"] = 12, ["X-Float"] = 1.5, ["X-Yes"] = true, ["X-Many"] = { "a", 2, false },
    Host = "elsewhere.test", ["X-Bytes"] = "\xE4",
  } }))
  assert(headers["user-agent"] == "me" and headers["x-number"] == "12" and headers["x-float"] == "1.5")
  assert(headers["x-yes"] == "true" and headers["x-many"] == "a|2|false" and headers.host == "elsewhere.test")
  assert(headers["x-bytes"] == "\xE4")
end

-- Bodies.
do
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  local bytes = table.concat(all):rep(1000)
  local _, headers, body = seen(http.post(URL .. "/echo", { body = bytes }))
  assert(body == bytes and headers["content-length"] == tostring(#bytes) and headers["content-type"] == nil)
  _, headers, body = seen(http.post(URL .. "/echo"))
  assert(body == "" and headers["content-length"] == "0")
  _, headers, body = seen(http.get(URL .. "/echo", { body = "in a get" }))
  assert(body == "in a get")
  _, headers, body = seen(http.post(URL .. "/echo", { body = "", headers = { ["content-length"] = "5" } }))
  assert(body == "" and headers["content-length"] == "0", "the length of the body is what counts")
end

-- Queries.
do
  assert(seen(http.get(URL .. "/echo?b=%20&a")) == "GET /echo?b=%20&a", "left alone")
  local first = seen(http.get(URL .. "/echo?b=old&c=%41&a=1", { query = { b = "x y&z", d = { 1, "ä" }, e = true } }))
  assert(first == "GET /echo?a=1&b=x+y%26z&c=A&d=1&d=%C3%A4&e=true", first)
  assert(seen(http.get(URL .. "/echo", { query = {} })) == "GET /echo")
  assert(seen(http.get(URL .. "/echo#fragment")) == "GET /echo", "a fragment stays at home")
end

-- Forms.
do
  local _, headers, body = seen(http.post(URL .. "/echo", { form = { b = "1 2", a = { "x", "y=z" }, c = 7 }, body = "no" }))
  assert(headers["content-type"] == "application/x-www-form-urlencoded")
  assert(body == "a=x&a=y%3Dz&b=1+2&c=7", body)
end

-- Cookies, both ways; authorization from options and url.
do
  local _, headers = seen(http.get(URL .. "/echo", { cookies = { b = 2, a = "one" }, auth = { user = "me", pass = "se:cret" } }))
  assert(headers.cookie == "a=one; b=2", headers.cookie)
  assert(headers.authorization == "Basic bWU6c2U6Y3JldA==", headers.authorization)
  local response = http.get(URL .. "/cookies")
  assert(response.cookies.one == "1" and response.cookies.two == "a b")
  response = http.get((URL:gsub("//", "//me:se%%3Acret@")) .. "/echo")
  _, headers = seen(response)
  assert(headers.authorization == "Basic bWU6c2U6Y3JldA==" and not response.url:find("cret"), "not shown")
end

-- Uploads.
do
  local stream = http.get(URL .. "/chunks/from/a/stream", { stream = true }).stream
  local _, headers, body = seen(http.post(URL .. "/echo", {
    form = { field = "value" }, body = "not this",
    files = {
      { name = "one", content = "first\r\n--file" },
      { name = "t\"wo", filename = "two.txt", content_type = "text/plain", reader = stream },
    },
  }))
  local boundary = headers["content-type"]:match("^multipart/form%-data; boundary=(.+)$")
  local expected = table.concat({
    "--" .. boundary, 'Content-Disposition: form-data; name="field"', "", "value",
    "--" .. boundary, 'Content-Disposition: form-data; name="one"; filename="one"',
    "Content-Type: application/octet-stream", "", "first", "--file",
    "--" .. boundary, 'Content-Disposition: form-data; name="t%22wo"; filename="two.txt"',
    "Content-Type: text/plain", "", "fromastream", "--" .. boundary .. "--", "",
  }, "\r\n")
  assert(body == expected, body)
  assert(headers["content-length"] == tostring(#body))
end

-- Compression is undone unless the caller deals with it.
do
  local response = http.get(URL .. "/maybe-gzip/text")
  assert(response.body == "text" and response.body_size == 4)
  assert(response.headers["Content-Encoding"] == nil and response.headers["Content-Length"] == nil)
  response = http.get(URL .. "/gzip/text", { headers = { ["accept-encoding"] = "gzip" } })
  assert(response.headers["Content-Encoding"] == "gzip" and response.body:sub(1, 2) == "\x1f\x8b")
  response = http.get(URL .. "/maybe-gzip/text", { headers = { ["Accept-Encoding"] = "identity" } })
  assert(response.body == "text" and response.headers["Content-Length"] == "4")
end

-- Bodies of every length, with and without an announcement, up to the limit.
do
  assert(http.get(URL .. "/chunks/one/two/three").body == "onetwothree")
  assert(#http.get(URL .. "/bytes/1000000").body == 1000000)
  assert(#http.get(URL .. "/bytes/1000", { max_response_body = 1000 }).body == 1000)
  for _, path in ipairs { "/bytes/1001", "/chunks/" .. ("x"):rep(600) .. "/" .. ("y"):rep(401), "/gzip/" .. ("z"):rep(1001) } do
    guard.refused("Internal", "too large", http.get(URL .. path, { max_response_body = 1000 }))
  end
  assert(http.get(URL .. "/hello", { max_response_body = 0 }).body == "hello", "0 is the default")
end

-- Redirects.
do
  local response = http.get(URL .. "/redirect/10")
  assert(response.status_code == 200 and response.url == URL .. "/redirect/0")
  guard.refused("Unavailable", "too many redirects", http.get(URL .. "/redirect/11"))
  assert(http.get(URL .. "/status/302").status_code == 302, "leads nowhere")
  -- Which methods and bodies survive.
  local function redirected(status, method)
    local first, headers, body = seen(http.request(method, URL .. "/to?" .. status .. "&/echo", { body = "b" }))
    return first:match("^%S+") .. ":" .. body
  end
  for _, status in ipairs { 301, 302, 303 } do
    assert(redirected(status, "POST") == "GET:" and redirected(status, "DELETE") == "GET:" and redirected(status, "GET") == "GET:b")
  end
  for _, status in ipairs { 307, 308 } do assert(redirected(status, "POST") == "POST:b") end
  local head = http.head(URL .. "/to?303&/bytes/7")
  assert(head.body == "" and head.headers["Content-Length"] == "7", "HEAD remains HEAD")
  -- Secrets stay with their host.
  local secret = { auth = { user = "u", pass = "p" }, cookies = { c = 1 }, headers = { ["X-Kept"] = "yes" } }
  local _, headers = seen(http.get(URL .. "/to?302&/echo", secret))
  assert(headers.authorization and headers.cookie and headers["x-kept"])
  _, headers = seen(http.get(URL .. "/to?302&" .. URL:gsub("127%.0%.0%.1", "localhost") .. "/echo", secret))
  assert(not headers.authorization and not headers.cookie and headers["x-kept"] == "yes" and headers.host:find("^localhost:"))
  guard.refused("Unavailable", "scheme", http.get(URL .. "/to?302&ftp://127.0.0.1/"))
  guard.refused("Unavailable", "malformed redirect", http.get(URL .. "/to?302&http://[::"))
end

-- Connections are used again, also by other processes and after an error status.
do
  local number = http.get(URL .. "/connection").body
  assert(http.get(URL .. "/connection").body == number)
  http.get(URL .. "/status/500")
  local stream = http.get(URL .. "/chunks/a/b", { stream = true }).stream
  while stream:read() do end
  assert(http.get(URL .. "/connection").body == number, "after a stream was read to its end")
  local other = guard.run(function(url) return require("http_client").get(url).body end, URL .. "/connection")
  assert(other == number, "by another process")
  -- One whose server has closed it meanwhile is no error.
  for i = 1, 5 do
    local response, err = http.get(os.getenv("WEB_BROKEN_URL") .. "/once/" .. i)
    assert(response and response.body == "once", tostring(err))
  end
end

-- A socket in the file system; the host is then only a name.
do
  local options = { unix_socket = os.getenv("WEB_SOCKET") }
  local first, headers = seen(http.get("http://any.host.test/echo", options))
  assert(first == "GET /echo" and headers.host == "any.host.test")
  guard.refused("Unavailable", "", http.get("http://any.host.test/", { unix_socket = "/no/such/socket" }))
end

-- Other coroutines run while one waits.
do
  local key = ("others%d%s"):format(os.time(), tostring({}):gsub("%W", ""))
  coroutine.spawn(function() http.get(URL .. "/silent/" .. key) end)
  repeat until http.get(URL .. "/waiting/" .. key).body == "1"
end

-- Percent-encoding.
do
  assert(http.encode_uri("a b/ä~-_.") == "a+b%2F%C3%A4~-_.")
  assert(http.encode_uri("") == "" and http.encode_uri(12) == "12")
  assert(http.decode_uri("a+b%2F%c3%A4") == "a b/ä")
  for _, bad in ipairs { "%", "%1", "%zz" } do guard.refused("Invalid", "percent", http.decode_uri(bad)) end
  guard.raises("string expected", http.encode_uri)
  guard.raises("string expected", http.decode_uri, {})
end
