-- Random numbers through every conversion between numbers and text; arguments: seed, count.
local seed, count = tonumber(arg[1]), tonumber(arg[2])

local state = seed * 2654435769 + 88172645463325252
local function random()
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  return state
end
local function below(n) return (random() >> 1) % n end

-- Any bit pattern, and, more often, what people write.
local function number()
  local kind = below(8)
  if kind == 0 then return random() end
  if kind == 1 then return below(1000) - 500 end
  if kind == 2 then return (string.unpack("d", string.pack("i8", random()))) end
  if kind == 3 then return (below(2000001) - 1000000) / 10 ^ below(8) end
  if kind == 4 then return (below(1000000) + 1) * 10.0 ^ (below(600) - 300) end
  if kind == 5 then return 2.0 ^ (below(2100) - 1074) end
  if kind == 6 then return random() >> below(64) end
  return (random() >> 11) * 2.0 ^ -53
end

local formats = {
  "%.14g", "%.17g", "%g", "%e", "%f", "%a", "%.3f", "%.0f", "%10.2f|", "%-12.4e|", "%+g", "% g", "%#g", "%#.0f", "%015.3f",
  "%.20g", "%G", "%E", "%A", "%.1a", "%.30f", "%5.1f", "%.10e",
}
local integer_formats = { "%d", "%i", "%5d|", "%-8d|", "%+d", "% d", "%05d", "%.3d", "%x", "%X", "%#x", "%o", "%#o", "%u", "%12.8x" }

-- A text that looks like a number, often a valid one.
local pieces = { "0x", "0X", "1", "9", "12", "345", ".", "e", "E", "p", "P", "+", "-", " ", "a", "F", "00", "7", "\t", "_", "inf", "nan", "1e", "0" }
local function numeral()
  local parts = {}
  for i = 1, 1 + below(6) do parts[i] = pieces[1 + below(#pieces)] end
  return table.concat(parts)
end

local same = { ["-nan"] = "nan" }
for i = 1, count do
  local n = number()
  if n ~= n then n = 0.5 end -- the sign of a NaN is the processor's
  local parts = { tostring(n), string.format(formats[1 + below(#formats)], n) }
  local integer = math.tointeger(n)
  if integer then parts[3] = string.format(integer_formats[1 + below(#integer_formats)], integer) end
  local text = below(2) == 0 and numeral() or string.format("%.17g", n)
  local back = tonumber(text)
  parts[#parts + 1] = text .. "=" .. (back and math.type(back) .. string.format("%.17g", back) or "nil")
  local base = 2 + below(35)
  parts[#parts + 1] = tostring(tonumber(string.format("%x", below(1 << 30)), base))
  parts[#parts + 1] = tostring(n // 1) .. tostring(n % 7) .. tostring(n // -3.5)
  if math.abs(n) < 2 ^ 62 then parts[#parts + 1] = tostring(math.floor(n)) .. tostring(math.ceil(n)) end
  local line = table.concat(parts, " ")
  print((line:gsub("%-nan", same)))
end
