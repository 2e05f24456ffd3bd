-- Permissions and the address guard of connections. Modules specification §4.15.

local websocket = require("websocket")

local function refused(text, client, err)
  if client or not errors.is(err, "PermissionDenied") or not err:message():find(text, 1, true) then
    error(("expected a refusal of %s, found %s, %s"):format(text, tostring(client), tostring(err)), 2)
  end
end

return function(web)
  local URL = web.WEB_SOCKETS_URL
  assert(websocket.connect(URL .. "/echo")):close()
  refused(URL .. "/refused", websocket.connect(URL .. "/refused"))
  refused("127.0.0.2", websocket.connect((URL:gsub("127%.0%.0%.1", "127.0.0.2"))))
  refused("refused", websocket.connect(web.WEB_TLS_SOCKETS_URL .. "/refused", { tls = { insecure_skip_verify = true } }))
  assert(websocket.connect(web.WEB_TLS_SOCKETS_URL .. "/echo", { tls = { insecure_skip_verify = true } })):close()
end
