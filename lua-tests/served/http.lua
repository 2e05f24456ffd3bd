-- Requests and responses of functions. Modules specification §4.14.

local http = require("http_client")
local json = require("json")

return function(web)
  local URL = web.url

  local function get(path, options)
    local response, err = http.get(URL .. path, options)
    return response or error(tostring(err), 2)
  end
  local function post(path, options)
    local response, err = http.post(URL .. path, options)
    return response or error(tostring(err), 2)
  end

  -- Constants.
  do
    local http = require("http")
    for _, name in ipairs { "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS" } do assert(http.METHOD[name] == name) end
    for name, code in pairs {
      OK = 200, CREATED = 201, ACCEPTED = 202, NO_CONTENT = 204, PARTIAL_CONTENT = 206, MOVED_PERMANENTLY = 301, FOUND = 302, SEE_OTHER = 303,
      NOT_MODIFIED = 304, TEMPORARY_REDIRECT = 307, PERMANENT_REDIRECT = 308, BAD_REQUEST = 400, UNAUTHORIZED = 401, PAYMENT_REQUIRED = 402,
      FORBIDDEN = 403, NOT_FOUND = 404, METHOD_NOT_ALLOWED = 405, NOT_ACCEPTABLE = 406, CONFLICT = 409, GONE = 410, UNPROCESSABLE = 422,
      TOO_MANY_REQUESTS = 429, INTERNAL_ERROR = 500, INTERNAL_SERVER_ERROR = 500, NOT_IMPLEMENTED = 501, BAD_GATEWAY = 502,
      SERVICE_UNAVAILABLE = 503, GATEWAY_TIMEOUT = 504, VERSION_NOT_SUPPORTED = 505,
    } do
      assert(http.STATUS[name] == code, name)
    end
    assert(http.CONTENT.JSON == "application/json" and http.CONTENT.MULTIPART == "multipart/form-data" and http.CONTENT.TEXT == "text/plain")
    assert(http.CONTENT.FORM == "application/x-www-form-urlencoded" and http.CONTENT.STREAM == "application/octet-stream")
    assert(http.TRANSFER.CHUNKED == "chunked" and http.TRANSFER.SSE == "sse")
    for _, name in ipairs { "PARSE_FAILED", "INVALID_STATE", "WRITE_FAILED", "STREAM_ERROR" } do assert(http.ERROR[name] == name) end
  end

  -- What a request says of itself.
  do
    local response = get("/describe/a%20b%2Fc?a=1&b=x+y&a=2&c", { headers = { ["X-Test"] = { "one", "two" }, Accept = "text/*, application/json;q=0" } })
    assert(response.status_code == 200 and response.headers["Content-Type"] == "application/json")
    assert(response.headers["Content-Length"] == tostring(#response.body), "small answers have a length")
    local all = json.decode(response.body)
    assert(all.method == "GET" and all.path == "/describe/a%20b%2Fc" and all.host == URL:match("//(.*)"))
    assert(all.remote_addr:find("^127%.0%.0%.1:%d+$"), all.remote_addr)
    assert(all.query_params.a == "1,2" and all.query_params.b == "x y" and all.query_params.c == "" and all.query_a == "1,2")
    assert(all.header == "one, two" and all.no_header and all.no_query and all.no_param)
    assert(all.name == "a b/c" and all.params.name == "a b/c")
    assert(not all.has_body and all.content_length == 0 and all.content_type == nil)
    assert(all.accepts_json == false and all.is_form == false)
    all = json.decode(post("/describe/x/y/z%2F", { form = { k = "v" } }).body)
    assert(all.method == "POST" and all.params.name == "x" and all.params.rest == "y/z/")
    assert(all.has_body and all.content_length == 3 and all.is_form and all.accepts_json)
    assert(all.content_type == "application/x-www-form-urlencoded")
  end

  -- Routes.
  do
    assert(get("/nowhere").status_code == 404)
    local response = assert(http.delete(URL .. "/fixed"))
    assert(response.status_code == 405 and response.headers.Allow == "GET, HEAD, PUT")
    response = assert(http.head(URL .. "/respond?text=hello"))
    assert(response.status_code == 200 and response.headers["Content-Length"] == "5" and response.body == "")
    assert(get("/missing").status_code == 500, "no such function")
  end

  -- Responses.
  do
    local response = get("/respond?text=hello&status=201&header=yes&type=text/x-test")
    assert(response.status_code == 201 and response.body == "hello")
    assert(response.headers["X-Answer"] == "yes" and response.headers["Content-Type"] == "text/x-test")
    assert(get("/respond").body == "" and get("/respond").status_code == 200)
    assert(get("/respond?json=a").body == '["a"]')
    assert(get("/respond?lines=1").body == "[1]\n[2]" and get("/respond?lines=1").headers["Content-Type"] == "application/json")
    assert(get("/respond?json=a&type=text/plain").headers["Content-Type"] == "text/plain")
    assert(#get("/respond?big=1000000").body == 1000000)
    assert(get("/respond?chunks=3").body == "piece 1\npiece 2\npiece 3\n")
    response = get("/respond?events=2")
    assert(response.headers["Content-Type"] == "text/event-stream" and response.headers["Cache-Control"] == "no-cache")
    assert(response.body == 'event: tick\ndata: {"n":1}\n\nevent: tick\ndata: {"n":2}\n\ndata: "no name"\n\n', response.body)
    assert(get("/respond?wrong=1").body == "all wrong")
    assert(get("/respond?child=1").body == errors.INTERNAL)
  end

  -- Functions that fail tell the client nothing of the reason.
  do
    for _, how in ipairs { "before", "buffered" } do
      local response = get("/respond?status=201&fail=" .. how)
      assert(response.status_code == 500 and not response.body:find("secret") and not response.body:find("part"), how)
    end
    local response, err = http.get(URL .. "/respond?fail=after")
    assert(response == nil and errors.is(err, errors.UNAVAILABLE), "not taken for complete")
  end

  local function refused(text, response)
    local answer = json.decode(response.body)
    answer = answer.err or answer
    assert(answer.kind == errors.INVALID and answer.message:find(text, 1, true), response.body)
  end

  -- Bodies of requests.
  do
    local long = ("0123456789"):rep(50000)
    assert(post("/body?as=text", { body = long }).body == long)
    assert(post("/body?as=stream", { body = long }).body == long)
    refused("no request body", post("/body?as=text"))
    refused("no request body", post("/body?as=stream"))
    refused("too large", post("/body?as=text&most=9", { body = "0123456789" }))
    assert(post("/body?as=text&most=10", { body = "0123456789" }).body == "0123456789")
    local value = json.decode(post("/body?as=json", { body = '{"a":[1,2]}' }).body).value
    assert(value.a[2] == 2)
    refused("not JSON", post("/body?as=json", { body = "{" }))
    refused("no request body", post("/body?as=json"))
    refused("too large", post("/body?as=json&most=9", { body = "0123456789" }))
  end

  -- Clients that do not send what they have announced: in time, or at all.
  do
    local exec = require("exec")
    local begun = process.listen("begun")
    local ended = process.listen("ended")
    -- The kind of error that a function gets when a client has sent a part of the body and then does nothing, or goes away.
    local function kind_of(as, query, goes)
      local host, port = URL:match("//(.*):(%d+)$")
      local program = assert(assert(exec.get("app:programs")):exec("bash"))
      assert(program:start())
      assert(program:write_stdin(("exec 3<>/dev/tcp/%s/%s\n"):format(host, port)))
      assert(program:write_stdin(("printf 'POST /body?as=%s&report=%s%s HTTP/1.1\\r\\nHost: x\\r\\n' >&3\n"):format(as, http.encode_uri(process.pid()):gsub("%%", "%%%%"), query)))
      assert(program:write_stdin("printf 'Content-Type: multipart/form-data; boundary=b\\r\\nContent-Length: 10\\r\\n\\r\\nabc' >&3\n"))
      if goes then
        assert(begun:receive() == true)
        program:close(true)
      end
      local kind = ended:receive()
      program:close(true)
      if not goes then begun:receive() end
      return kind
    end
    for _, as in ipairs { "text", "json", "form" } do assert(kind_of(as, "&timeout=50ms") == errors.TIMEOUT, as) end
    for _, as in ipairs { "text", "json", "form", "stream" } do assert(kind_of(as, "", true) == errors.CANCELED, as) end
  end

  -- Forms with files.
  do
    local response = post("/body?as=form", {
      form = { one = "1", two = "2" },
      files = { { name = "f", content = "first", content_type = "text/x" }, { name = "f", filename = "second.bin", content = "\r\n" } },
    })
    local form = json.decode(response.body)
    assert(form.values.one == "1" and form.values.two == "2" and #form.files == 2)
    local first, second = form.files[1], form.files[2]
    assert(first.field == "f" and first.index == 1 and first.name == "f" and first.size == 5 and first.type == "text/x" and first.content == "first")
    assert(second.index == 2 and second.name == "second.bin" and second.content == "\r\n")
    local multipart = { ["Content-Type"] = "multipart/form-data; boundary=b" }
    refused("multipart", post("/body?as=form", { form = { a = 1 } }))
    refused("multipart", post("/body?as=form"))
    refused("no request body", post("/body?as=form", { headers = multipart }))
    refused("too large", post("/body?as=form&memory=10", { files = { { name = "f", content = "long" } } }))
    refused("malformed", post("/body?as=form", { body = "x", headers = multipart }))
  end

  -- A client that goes away.
  do
    local gone = process.listen("gone")
    local stream = get("/respond?endless=" .. http.encode_uri(process.pid()), { stream = true }).stream
    assert(stream:read())
    stream:close()
    assert(gone:receive() == true)
    stream = get("/respond?endless_events=" .. http.encode_uri(process.pid()), { stream = true }).stream
    assert(stream:read())
    stream:close()
    assert(gone:receive() == true)
  end

  -- HTTP/2 over TLS.
  do
    local tls = { tls = { ca = web.ca } }
    local all = json.decode(assert(http.get(web.tls_url .. "/describe/x", tls)).body)
    assert(all.host == web.tls_url:match("//(.*)"))
    assert(http.get(web.tls_url .. "/respond?chunks=2", tls).body == "piece 1\npiece 2\n")
    assert(http.head(web.tls_url .. "/respond?text=hello", tls).headers["Content-Length"] == "5")
    assert(http.post(web.tls_url .. "/body?as=text", { tls = tls.tls, body = "over h2" }).body == "over h2")
    assert(http.get(web.tls_url .. "/respond?fail=before", tls).status_code == 500)
  end
end
