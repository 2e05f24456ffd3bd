-- Random patterns against random subjects, and random formats with random arguments; arguments: seed, count.
local seed, count = tonumber(arg[1]), tonumber(arg[2])

local state = seed * 2654435769 + 88172645463325252
local function random()
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  return state
end
local function below(n) return (random() >> 1) % n end
local function pick(list) return list[1 + below(#list)] end

local function build(pieces, most)
  local parts = {}
  for i = 1, below(most + 1) do parts[i] = pick(pieces) end
  return table.concat(parts)
end

local items = {
  "a", "b", ".", "%a", "%d", "%s", "%w", "%x", "%p", "%u", "%l", "%c", "%g", "%A", "%S", "[abc]", "[^a]", "[a-c]", "[%a_]", "[%w-]",
  "[]]", "[^]-]", "%%", "%.", "%b()", "%bxy", "%f[%w]", "%f[^a]", "(", ")", "()", "%1", "%2", "*", "+", "-", "?", "^", "$", "(a*)",
  "(.-)", "[a", "%", "%z", "\0", "[\0-\31]", "é", "[%]]", "[a-]", "[--9]",
}
local letters = { "a", "b", "c", "1", " ", "(", ")", "x", "y", "_", ".", "-", "]", "%", "\0", "\n", "A", "é", "\255", "ab", "aaa" }

local function show(ok, ...)
  local parts = { tostring(ok) }
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    parts[#parts + 1] = type(value) == "string" and string.format("%q", value):gsub("\n", "n") or tostring(value)
  end
  return (table.concat(parts, " "):gsub("^(%S+ )\"[^\"]-:%d+: ", "%1\""))
end

local replacements = { "%0", "%1", "%2", "<%1>", "%%", "", "%", "x", "%9" }
local function patterns()
  local pattern, subject = build(items, 5), build(letters, 12)
  local init = below(6) == 0 and below(20) - 10 or nil
  local kind = below(5)
  if kind == 0 then return show(pcall(string.find, subject, pattern, init)) end
  if kind == 1 then return show(pcall(string.match, subject, pattern, init)) end
  if kind == 2 then return show(pcall(string.gsub, subject, pattern, pick(replacements), below(4) == 0 and below(5) or nil)) end
  if kind == 3 then return show(pcall(string.gsub, subject, pattern, { a = "T", ab = 1, b = false })) end
  return show(pcall(function()
    local parts, most = {}, 0
    for a, b in string.gmatch(subject, pattern) do
      parts[#parts + 1] = tostring(a) .. "," .. tostring(b)
      most = most + 1
      if most > 30 then break end
    end
    return table.concat(parts, ";")
  end))
end

local flags, widths, precisions = { "", "-", "+", " ", "#", "0", "-+", "0+", "-#" }, { "", "1", "5", "10", "20", "99" }, { "", ".", ".0", ".3", ".10", ".99" }
local conversions = { "d", "i", "u", "o", "x", "X", "c", "s", "q", "f", "e", "E", "g", "G", "a", "A", "%", "y", "" }
local function argument()
  local kind = below(8)
  if kind == 0 then return random() end
  if kind == 1 then return below(300) - 50 end
  if kind == 2 then return (below(100000) - 50000) / 64 end
  if kind == 3 then return build(letters, 6) end
  if kind == 4 then return tostring(below(1000)) end
  if kind == 5 then return below(2) == 0 end
  if kind == 6 then return 1 / 0 end
  return nil
end

-- Flags that C leaves undefined for a conversion differ between libraries of C, and so does `%5%`.
local undefined = { ["#"] = "diucsq%", ["0"] = "csq%", ["+"] = "uoxXcsq%", [" "] = "uoxXcsq%", ["-"] = "q%" }
-- What is not a number when read back is 1e9999 here, which is.
local function quotable(value)
  if value == 1 / 0 then return 1 end
  return value
end

local function format()
  local flag, width, precision, conversion = pick(flags), pick(widths), pick(precisions), pick(conversions)
  for mark in flag:gmatch "." do
    if conversion ~= "" and undefined[mark]:find(conversion, 1, true) then flag = "" end
  end
  if conversion == "%" or conversion == "q" then flag, width, precision = "", "", "" end
  if conversion == "c" then precision = "" end
  return show(pcall(string.format, "<%" .. flag .. width .. precision .. conversion .. ">", quotable(argument()), argument()))
end

local packs = { "b", "B", "h", "H", "i3", "I4", "l", "j", "J", "T", "f", "d", "n", "s1", "s2", "z", "x", "X4", "<", ">", "=", "!4", "i16", "!8", " ", "c5", "i17" }
local function pack()
  local layout = build(packs, 4)
  local ok, data = pcall(string.pack, layout, argument(), argument(), argument(), argument(), argument())
  if not ok then return show(ok, data) end
  return show(pcall(string.unpack, layout, data))
end

for i = 1, count do
  local kind = i % 4
  print(kind == 0 and format() or kind == 1 and pack() or patterns())
end
