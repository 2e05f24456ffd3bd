-- What requests pass on their way. Modules specification §4.14.

local http = require("http_client")
local json = require("json")

return function(web)
  local URL = web.url .. "/api"

  local function origin(name, options)
    options = options or {}
    options.headers = options.headers or {}
    options.headers.Origin = name
    return options
  end

  -- Other sites.
  do
    local response = assert(http.get(URL .. "/respond?text=x", origin("https://good.test")))
    assert(response.headers["Access-Control-Allow-Origin"] == "https://good.test")
    assert(response.headers["Access-Control-Allow-Credentials"] == "true" and response.headers.Vary == "Origin")
    response = http.get(URL .. "/respond?text=x", origin("https://a.friends.test:8080"))
    assert(response.headers["Access-Control-Allow-Origin"] == "https://a.friends.test:8080")
    for _, name in ipairs { "https://evil.test", "https://friends.test", "https://notfriends.test", "https://good.test.evil.test", "null" } do
      response = http.get(URL .. "/respond?text=x", origin(name))
      assert(response.body == "x" and response.headers["Access-Control-Allow-Origin"] == nil, name)
    end
    local preflight = { headers = { ["Access-Control-Request-Method"] = "POST" } }
    response = http.request("OPTIONS", URL .. "/respond", origin("https://good.test", preflight))
    assert(response.status_code == 204 and response.body == "")
    assert(response.headers["Access-Control-Allow-Origin"] == "https://good.test")
    assert(response.headers["Access-Control-Allow-Methods"] == "GET,POST,PUT,DELETE,OPTIONS,PATCH")
    assert(response.headers["Access-Control-Max-Age"] == "60")
    response = http.request("OPTIONS", URL .. "/respond", origin("https://evil.test", preflight))
    assert(response.status_code == 405 and response.headers["Access-Control-Allow-Origin"] == nil)
  end

  -- Compression: long text, if the client likes it.
  do
    local function encoding(path, accepted)
      local response = assert(http.get(URL .. path, { headers = { ["Accept-Encoding"] = accepted } }))
      return response.headers["Content-Encoding"], response.headers.Vary
    end
    local response = http.get(URL .. "/respond?big=5000")
    assert(response.body == ("x"):rep(5000))
    assert(select(2, encoding("/respond?big=5000", "br, gzip")) == "Accept-Encoding")
    assert(encoding("/respond?big=5000", "br, gzip;q=0.5") == "gzip")
    assert(encoding("/respond?big=5000", "br, gzip;q=0") == nil)
    assert(encoding("/respond?big=50", "gzip") == nil, "too short")
    assert(encoding("/respond?events=50", "gzip") == nil, "events do not wait")
    assert(encoding("/respond?text=" .. ("y"):rep(200) .. "&type=image/png", "gzip") == nil)
    assert(http.get(URL .. "/respond?chunks=200&type=text/plain").body:find("piece 200\n$"))
  end

  -- Proxies.
  do
    local function client(forwarded)
      local response = assert(http.get(URL .. "/describe/x", { headers = { ["X-Forwarded-For"] = forwarded } }))
      return json.decode(response.body).remote_addr:match("^(.*):%d+$")
    end
    assert(client("9.9.9.9, 8.8.8.8") == "9.9.9.9")
    assert(client("nonsense") == "127.0.0.1")
  end

  -- Too many requests, each client for itself.
  do
    local function ask(key) return assert(http.get(web.url .. "/few/respond?text=x", { headers = { ["X-Key"] = key } })) end
    assert(ask("a").body == "x" and ask("a").body == "x")
    local refused = ask("a")
    assert(refused.status_code == 429 and tonumber(refused.headers["Retry-After"]) > 1000)
    assert(ask("b").status_code == 200)
  end
end
