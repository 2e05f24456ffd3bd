-- Outside an HTTP call.

local http = require("http")

return function(answers)
  local request, err = http.request()
  local response, other = http.response()
  assert(request == nil and response == nil and errors.is(other, errors.INTERNAL))
  answers:send(err:kind())
end
