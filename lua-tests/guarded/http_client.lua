-- Permissions and the address guard. Modules specification §3.5.

local http = require("http_client")

local function refused(text, response, err)
  if response or not errors.is(err, "PermissionDenied") or not err:message():find("^not allowed") or not err:message():find(text, 1, true) then
    error(("expected a refusal of %s, found %s, %s"):format(text, tostring(response), tostring(err)), 2)
  end
  assert(err:retryable() == false)
end

return function(web)
  local URL = web.WEB_URL
  local private = URL:gsub("127%.0%.0%.1", "127.0.0.2")
  assert(http.get(URL .. "/hello").body == "hello")

  -- The url, at first and after a redirect.
  refused(URL .. "/refused", http.get(URL .. "/refused"))
  refused("http://refused.test/", http.get("http://refused.test"))
  refused("refused", http.get(URL .. "/hello", { query = { a = "refused" } }))
  refused(URL .. "/refused", http.get(URL .. "/forbidden"))

  -- Whatever function is used.
  for _, name in ipairs { "get", "post", "put", "patch", "delete", "head" } do
    refused("/refused", http[name](URL .. "/refused"))
    refused("127.0.0.2", http[name](private))
    refused("/refused/socket", http[name]("http://host/", { unix_socket = "/refused/socket" }))
    refused("refused", http[name](web.WEB_TLS_URL .. "/refused", { tls = { insecure_skip_verify = true } }))
  end
  refused("/refused", http.request("OPTIONS", URL .. "/refused"))
  refused("127.0.0.2", http.request("OPTIONS", private))
  refused("/refused/socket", http.request("OPTIONS", "http://host/", { unix_socket = "/refused/socket" }))

  -- The address that is dialled, however it is written, also after a redirect and when a connection is there already.
  refused("127.0.0.2", http.get(private))
  refused("127.0.0.2", http.get(URL .. "/to?307&" .. private))
  refused("127.0.0.2", http.get((private:gsub("127%.0%.0%.2", "0x7f.2"))))
  refused("127.0.0.2", http.get((private:gsub("127%.0%.0%.2", "[::ffff:127.0.0.2]"))))

  -- Sockets, verification, networks.
  refused("/refused/socket", http.get("http://host/", { unix_socket = "/refused/socket" }))
  assert(http.get("http://host/", { unix_socket = web.WEB_SOCKET }).body == "hello")
  assert(http.get(web.WEB_TLS_URL, { tls = { insecure_skip_verify = true } }).body == "hello")
  refused("refused", http.get(web.WEB_TLS_URL .. "/refused", { tls = { insecure_skip_verify = true } }))
  refused("refused:net", http.get(URL, { overlay_network = "refused:net" }))

  -- In a batch nothing is sent.
  local responses, err = http.request_batch {
    { method = "GET", url = URL .. "/hello" },
    { method = "GET", url = URL .. "/refused" },
  }
  assert(responses == nil and errors.is(err, "PermissionDenied") and err:message():find("request 2", 1, true))
  -- Which address it is shows when a request is made.
  responses, err = http.request_batch { { method = "GET", url = URL .. "/hello" }, { method = "GET", url = private } }
  assert(responses[1].body == "hello" and responses[2] == nil)
  refused("127.0.0.2", nil, err[2])
end
