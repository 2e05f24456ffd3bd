local URL = "http://127.0.0.1:" .. env.get("FREE_PORT")

local function ask(path, options)
  local response, err = http_client.get(URL .. path, options)
  assert(response, tostring(err))
  return response.status_code, response.body
end

local function says(path, options, expected)
  local status, body = ask(path, options)
  assert(status == 200 and body == expected, path .. ": " .. status .. " " .. body)
end

return { main = function()
  local tokens = assert(security.token_store("app:tokens"))
  local scope = security.new_scope{(assert(security.policy("app:visitors")))}
  local visitor = assert(tokens:create(security.new_actor("ann"), scope))
  local editor = assert(tokens:create(security.new_actor("bob"), scope:with(assert(security.policy("app:editors")))))
  local function bearer(token) return {headers = {Authorization = "Bearer " .. token}} end

  -- A token is found wherever it may be; without a good one the request passes on nobody's behalf.
  says("/open/who", nil, "nobody")
  says("/open/who", bearer(visitor), "ann")
  says("/open/who", bearer("x" .. visitor), "nobody")
  says("/open/who?x-auth-token=" .. visitor, nil, "ann")
  says("/open/who", {headers = {Cookie = "a=b; x-auth-token=" .. editor}}, "bob")
  says("/names/who", {headers = {["X-Token"] = visitor}}, "ann")
  says("/names/who?t=" .. editor, nil, "bob")
  says("/names/who", {headers = {Cookie = "session=" .. visitor}}, "ann")
  says("/names/who?x-auth-token=" .. visitor, bearer(visitor), "nobody")

  -- Tokens in a table.
  local db = assert(sql.get("app:db"))
  assert(db:execute("CREATE TABLE tokens (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER)"))
  local rows = assert(security.token_store("app:row_tokens"))
  local reader = assert(rows:create(security.new_actor("eve"), scope))
  says("/rows/who", bearer(reader), "eve")
  says("/rows/who", bearer(visitor), "nobody")
  says("/open/who", bearer(reader), "nobody")
  assert(rows:revoke(reader))
  says("/rows/who", bearer(reader), "nobody")

  -- Firewalls.
  assert(ask("/guarded/who") == 401)
  says("/guarded/who", bearer(visitor), "ann")
  assert(ask("/guarded/closed", bearer(visitor)) == 403)
  assert(ask("/edit/who") == 401 and ask("/edit/who", bearer(visitor)) == 403)
  says("/edit/who", bearer(editor), "bob")
  assert(tokens:revoke(visitor))
  assert(ask("/guarded/who", bearer(visitor)) == 401)

  -- What was counted.
  local text = assert(metrics.text())
  for _, line in ipairs {
    'http_requests_total{method="GET",status="200"} 7', 'http_requests_total{method="GET",status="401"} 2',
    'http_requests_total{method="GET",status="403"} 1', 'http_request_duration_seconds_count{method="GET"} 10',
  } do
    assert(text:find(line .. "\n", 1, true), line .. " is not in\n" .. text)
  end
  return "all is well"
end }
