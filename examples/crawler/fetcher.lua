-- A worker of the crawler: fetches pages and finds the links in them.

local http = require("http_client")
local time = require("time")

-- What is worth it is tried again, after a while.
local function fetch(url)
  for attempt = 1, 3 do
    local response, err = http.get(url, { timeout = "10s", max_response_body = 4 << 20 })
    if response or not err:retryable() then return response, err end
    if attempt == 3 then return nil, err end
    time.sleep((attempt * 200) .. "ms")
  end
end

local function look_at(url)
  local response, err = fetch(url)
  if not response then return { asked = url, url = url, error = err:kind() } end
  if response.status_code ~= 200 then return { asked = url, url = response.url, error = response.status_code } end
  local page = { asked = url, url = response.url, size = response.body_size, links = {} }
  if (response.headers["Content-Type"] or ""):find("^text/html") then
    page.title = response.body:match("<title>%s*(.-)%s*</title>")
    for link in response.body:gmatch("<a%s[^>]-href=\"([^\"]*)\"") do page.links[#page.links + 1] = link end
  end
  return page
end

return {
  run = function(pages, leave, found)
    while true do
      local url, open = pages:receive()
      if not open then return end
      leave:receive()
      found:send(look_at(url))
    end
  end,
}
