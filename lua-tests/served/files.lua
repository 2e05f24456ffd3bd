-- Static files. Modules specification §4.14.

local http = require("http_client")

return function(web)
  local URL = web.url

  local function get(path, headers)
    local response, err = http.get(URL .. path, { headers = headers })
    return response or error(tostring(err), 2)
  end

  do
    local response = get("/files/hello.txt")
    assert(response.status_code == 200 and response.body == "hello, files\n")
    assert(response.headers["Content-Type"] == "text/plain; charset=utf-8" and response.headers["Content-Length"] == "13")
    assert(response.headers["Cache-Control"] == "max-age=60" and response.headers["Accept-Ranges"] == "bytes")
    assert(get("/files/hell%6F.txt").status_code == 200)
    assert(http.head(URL .. "/files/hello.txt").headers["Content-Length"] == "13")
    assert(http.post(URL .. "/files/hello.txt").status_code == 405)
  end

  -- Folders have an index.
  do
    for _, path in ipairs { "/files", "/files/", "/files/index.html" } do assert(get(path).body:find("index"), path) end
    assert(get("/files/sub/").body:find("sub") and get("/files/sub").body:find("sub"))
  end

  -- What is not there, or must not be seen.
  do
    for _, path in ipairs { "nothing", "sub/nothing", "hello.txt/", "%00", "..%2Fhttp.lua", "%2e%2e/http.lua", "sub/%2E%2E/%2e%2e/http.lua", "%2Fetc%2Fpasswd", "..%5Chttp.lua" } do
      local status = get("/files/" .. path).status_code
      assert(status == 404, path .. " " .. status)
    end
    assert(get("/app/any/page").body:find("index") and get("/app/hello.txt").body == "hello, files\n")
  end

  -- What the client has already, and parts.
  do
    local headers = get("/files/hello.txt").headers
    assert(get("/files/hello.txt", { ["If-None-Match"] = headers.Etag }).status_code == 304)
    assert(get("/files/hello.txt", { ["If-None-Match"] = '"other", W/' .. headers.Etag }).status_code == 304)
    assert(get("/files/hello.txt", { ["If-None-Match"] = '"other"' }).status_code == 200)
    assert(get("/files/hello.txt", { ["If-Modified-Since"] = headers["Last-Modified"] }).status_code == 304)
    assert(get("/files/hello.txt", { ["If-Modified-Since"] = "Mon, 01 Jan 1990 00:00:00 GMT" }).status_code == 200)
    local part = get("/files/hello.txt", { Range = "bytes=7-11" })
    assert(part.status_code == 206 and part.body == "files" and part.headers["Content-Range"] == "bytes 7-11/13")
    part = get("/files/hello.txt", { Range = "bytes=7-11", ["If-Range"] = '"other"' })
    assert(part.status_code == 200 and part.body_size == 13)
    part = get("/files/hello.txt", { Range = "bytes=13-" })
    assert(part.status_code == 416 and part.headers["Content-Range"] == "bytes */13")
  end
end
