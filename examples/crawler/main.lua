-- Crawls a web site: follows the links of a page and of all pages they lead to on the same server, with a few workers and
-- not more than so many requests a second. Prints what it has found, and which links are broken.
--
--   moonlet run examples/crawler/main.lua URL [WORKERS [REQUESTS_PER_SECOND]]

local time = require("time")

local start = arg[1]
local workers = tonumber(arg[2] or 4)
local rate = tonumber(arg[3] or 20)
if not start or not workers or not rate then
  io.stderr:write("usage: crawler URL [WORKERS [REQUESTS_PER_SECOND]]\n")
  os.exit(2)
end
if not start:find("^https?://[^/]+/") then start = start .. "/" end
local site = start:match("^https?://[^/]+")

-- The channels that the workers share with this process: pages to fetch, leave to make a request, what was found.
local pages, leave, found = channel.new(), channel.new(), channel.new()

for i = 1, workers do
  assert(process.spawn_linked("app.fetcher:run", "app:processes", pages, leave, found))
end

-- One leave at a time, at an even pace. A worker that comes late does not make up for it.
coroutine.spawn(function()
  local ticker = time.ticker(math.floor(time.SECOND / rate))
  while true do
    ticker:channel():receive()
    leave:send(true)
  end
end)

-- A link as a full address on this site; nil if it leads elsewhere.
local function resolve(base, link)
  link = link:gsub("#.*$", "")
  if link == "" then return nil end
  if link:find("^https?://") then return link:sub(1, #site + 1) == site .. "/" and link or nil end
  if link:find("^%a[%w+.-]*:") or link:find("^//") then return nil end
  if link:sub(1, 1) == "/" then return site .. link end
  local path = base:gsub("[?].*$", ""):gsub("[^/]*$", "") .. link
  path = path:gsub("/%./", "/")
  repeat
    local count
    path, count = path:gsub("/[^/]+/%.%./", "/", 1)
  until count == 0 or #path <= #site
  return path
end

local seen, waiting, results = { [start] = "start" }, { start }, {}
local busy = 0
while busy > 0 or #waiting > 0 do
  -- Hands out work as long as there is some, and takes results as they come.
  local cases = { found:case_receive() }
  if #waiting > 0 then cases[2] = pages:case_send(waiting[#waiting]) end
  local event = channel.select(cases)
  if event.channel == pages then
    table.remove(waiting)
    busy = busy + 1
  else
    busy = busy - 1
    local page = event.value
    results[#results + 1] = page
    for _, link in ipairs(page.links or {}) do
      local url = resolve(page.url, link)
      if url and not seen[url] then
        seen[url] = page.url
        waiting[#waiting + 1] = url
      end
    end
  end
end

table.sort(results, function(a, b) return a.asked < b.asked end)
local broken = 0
for _, page in ipairs(results) do
  local path = page.asked:sub(#site + 1)
  if page.error then
    broken = broken + 1
    print(("broken  %s: %s (linked from %s)"):format(path, page.error, (seen[page.asked]:gsub("^" .. site:gsub("%p", "%%%0"), ""))))
  else
    print(("%6d  %s%s"):format(page.size, path, page.title and "  " .. page.title or ""))
  end
end
print(("%d pages, %d broken"):format(#results - broken, broken))
