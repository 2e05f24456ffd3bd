-- A counter process of main.lua: takes paths from `jobs` until that channel is closed, then sends one summary to `results`.

local fs = require("fs")

local M = {}

local function count_lines(text)
  local lines, from = 0, 1
  while true do
    local at = text:find("\n", from, true)
    if not at then return lines end
    lines, from = lines + 1, at + 1
  end
end

function M.count(jobs, results)
  local volume = assert(fs.get("app:root"))
  local frequency = {}
  local summary = { files = 0, lines = 0, words = 0, bytes = 0, frequency = frequency }

  local function count(path)
    local info, err = volume:stat(path)
    if not info then return err end
    if info.is_dir then return end -- reached through a symbolic link
    if info.type ~= fs.type.FILE then return "not a regular file" end
    local text
    text, err = volume:readfile(path)
    if not text then return err end
    local words = 0
    for word in text:gmatch("%S+") do
      words = words + 1
      frequency[word] = (frequency[word] or 0) + 1
    end
    summary.files = summary.files + 1
    summary.lines = summary.lines + count_lines(text)
    summary.words = summary.words + words
    summary.bytes = summary.bytes + #text
  end

  while true do
    local path, more = jobs:receive()
    if not more then break end
    local failure = count(path)
    if failure then results:send { path = path, failure = tostring(failure) } end
  end
  results:send(summary)
end

return M
