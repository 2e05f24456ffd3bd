-- Answers with everything that the request says of itself, as JSON.

local http = require("http")

return function()
  local request, response = assert(http.request()), assert(http.response())
  local all = {}
  for _, name in ipairs { "method", "path", "host", "remote_addr", "query_params", "content_type", "content_length",
    "params", "has_body" } do
    local value, err = request[name](request)
    assert(err == nil)
    all[name] = value
  end
  all.query_a = request:query("a")
  all.no_query = request:query("nothing") == nil
  all.header = request:header("x-test")
  all.no_header = request:header("x-nothing") == nil and request:header("not a name") == nil
  all.name = request:param("name")
  all.no_param = request:param("nothing") == nil
  all.accepts_json = request:accepts("application/json")
  all.is_form = request:is_content_type(http.CONTENT.FORM)
  assert(response:write_json(all) == nil)
end
